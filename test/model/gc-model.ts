/**
 * The collection protocol of FORMAT.md ("Leases", "Write order", "Collection") as a machine small
 * enough to be explored completely: backups, collectors and a deletion, each doing one storage
 * operation at a time, in every order, and stopping for ever at any of them. There is no clock in it:
 * a lease may be declared dead at any moment, and a grace may be over at any moment, so whatever clocks
 * do is among what is explored.
 *
 * What must hold in every state: all that an acknowledged snapshot needs stands in a pack that is
 * there and indexed. Each rule of the protocol can be switched off, to see that it is needed.
 */

export interface Rules {
  /** A backup takes its lease before it lists the plans. */
  readonly leaseBeforePlans: boolean;
  /** A backup relies on no pack that a plan it saw condemns. */
  readonly honourPlans: boolean;
  /** A sweep waits for every lease that has not seen its plan; or for any commit; or for nothing. */
  readonly sweepWaits: "for all" | "for a commit" | "never";
  /** A lease judged dead is deleted before the sweep goes on; else it is only ignored. */
  readonly endDeadLeases: boolean;
  /** After that the leases are listed once more. */
  readonly listAgain: boolean;
  /** A confirmation writes the new beat before it looks at the old one. */
  readonly beatThenLook: boolean;
  /** A backup confirms its lease after the snapshot, before it acknowledges. */
  readonly confirmAfter: boolean;
  /** The sweep looks for snapshots that are new since the mark. */
  readonly remark: boolean;
  /** It does so after it looked at the leases. */
  readonly leasesBeforeSnapshots: boolean;
  /** What is needed must stand outside of the packs of all plans, not only of the one swept. */
  readonly outsideAllPlans: boolean;
  /** The sweep lists the plans before the packs. */
  readonly plansBeforePacks: boolean;
  /** What is still needed of a condemned pack is copied; else the pack is spared and good again. */
  readonly condemnedForEver: boolean;
  /** A plan goes after its packs. */
  readonly packsBeforePlan: boolean;
  /** A copy is durable and indexed before the sweep goes on. */
  readonly copyBeforeDelete: boolean;
}

export const ALL_RULES: Rules = {
  leaseBeforePlans: true,
  honourPlans: true,
  sweepWaits: "for all",
  endDeadLeases: true,
  listAgain: true,
  beatThenLook: true,
  confirmAfter: true,
  remark: true,
  leasesBeforeSnapshots: true,
  outsideAllPlans: true,
  plansBeforePacks: true,
  condemnedForEver: true,
  packsBeforePlan: true,
  copyBeforeDelete: true,
};

export interface Scenario {
  /** Blobs (a bit each) of every pack there is at first; all are indexed. */
  readonly packs: readonly number[];
  /** Blobs of the snapshot there is at first. */
  readonly snapshot: number;
  /** Blobs that each backup is to save. */
  readonly backups: readonly number[];
  readonly collectors: number;
  /** Whether the first snapshot may be deleted, at any moment. */
  readonly deletion: boolean;
  /** Whether processes may die. */
  readonly crashes: boolean;
}

export interface Exploration {
  readonly states: number;
  /** False when the limit of states was reached. */
  readonly complete: boolean;
  /** The steps that lead to a loss, if there is one. */
  readonly violation: readonly string[] | undefined;
}

// The state is a row of bytes, so that millions of them can be hashed and compared.
const SNAPSHOTS = 0;
const ACKED = 1;
const PACKS = 2;
const INDEXED = 3;
const NEXT_PACK = 4;
const PLANS = 5;
const NEXT_PLAN = 6;
const CONTENT = 8;
const PACKS_MAX = 8;
const PLAN = CONTENT + PACKS_MAX;
const PLANS_MAX = 4;
/** Of each backup: the beats that are stored, and the plans that the newest says it has seen. */
const BEATS = PLAN + PLANS_MAX;
const SEEN = BEATS + 2;
const PROCESS = SEEN + 2;
const PROCESS_BYTES = 12;
const END = 255;

export type State = Uint8Array<ArrayBuffer>;
type Emit = (label: string, next: State) => void;

/** Locals of a backup, from its first byte on. */
const B = { pc: 0, index: 1, seen: 2, good: 3, relied: 4, own: 5, beat: 6 } as const;
/** Locals of a collector. */
const C = {
  pc: 0,
  needed: 1,
  packs: 2,
  index: 3,
  plan: 4,
  listed0: 5,
  listed1: 6,
  dead: 7,
  condemned: 8,
  dropped: 9,
  copy: 10,
  target: 11,
} as const;

export class GcModel {
  readonly #rules: Rules;
  readonly #scenario: Scenario;
  readonly #bytes: number;
  readonly #processes: number;

  constructor(scenario: Scenario, rules: Rules = ALL_RULES) {
    this.#scenario = scenario;
    this.#rules = rules;
    this.#processes = scenario.backups.length + scenario.collectors;
    this.#bytes = PROCESS + this.#processes * PROCESS_BYTES;
  }

  initial(): State {
    const state = new Uint8Array(this.#bytes);
    const { packs } = this.#scenario;
    state[SNAPSHOTS] = 1;
    state[ACKED] = 1;
    packs.forEach((content, i) => (state[CONTENT + i] = content));
    state[PACKS] = (1 << packs.length) - 1;
    state[INDEXED] = state[PACKS];
    state[NEXT_PACK] = packs.length;
    return state;
  }

  /**
   * Takes steps one after another, each named by the beginning of its label.
   * @throws Error when a step is not possible, or a loss is met.
   */
  walk(steps: readonly string[]): State {
    let state = this.initial();
    for (const wanted of steps) {
      let next: State | undefined;
      const possible: string[] = [];
      this.successors(state, (label, successor) => {
        possible.push(label);
        if (label.startsWith(wanted)) next ??= successor;
      });
      if (next === undefined) throw new Error(`no "${wanted}" among: ${possible.join("; ")}`);
      state = next;
      if (!this.isSafe(state)) throw new Error(`a loss at "${wanted}"`);
    }
    return state;
  }

  /** Explores all states, or as many as allowed, nearest first. */
  explore(
    options: { readonly statesMax?: number; readonly from?: State; readonly trace?: boolean } = {},
  ): Exploration {
    const { statesMax = Number.POSITIVE_INFINITY, trace = false } = options;
    const seen = new StateTable();
    // Nearest first, so that a violation is shown by the fewest steps.
    let wave: State[] = [options.from ?? this.initial()];
    const parents = new Map<string, { readonly label: string; readonly from: State }>();
    seen.add(wave[0] as State);
    let states = 1;
    while (wave.length > 0) {
      const next: State[] = [];
      for (const state of wave) {
        let violation: { readonly label: string; readonly at: State } | undefined;
        this.successors(state, (label, successor) => {
          if (violation !== undefined || !seen.add(successor)) return;
          states++;
          if (trace) parents.set(keyOf(successor), { label, from: state });
          if (!this.isSafe(successor)) violation = { label, at: successor };
          next.push(successor);
        });
        if (violation !== undefined) {
          const path = trace ? pathTo(violation.at, parents) : [violation.label];
          return { states, complete: false, violation: path };
        }
        if (states >= statesMax) return { states, complete: false, violation: undefined };
      }
      wave = next;
    }
    return { states, complete: true, violation: undefined };
  }

  /** Whether everything that acknowledged snapshots need stands in packs that are there and indexed. */
  isSafe(state: State): boolean {
    const needed = this.#blobsOf(at(state, SNAPSHOTS) & at(state, ACKED));
    const stored = blobsIn(state, at(state, PACKS) & at(state, INDEXED));
    return (needed & ~stored) === 0;
  }

  successors(state: State, emit: Emit): void {
    const { backups, collectors, deletion, crashes } = this.#scenario;
    if (deletion && (at(state, SNAPSHOTS) & 1) !== 0) {
      emit(
        "delete the first snapshot",
        change(state, (s) => (s[SNAPSHOTS] = at(s, SNAPSHOTS) & ~1)),
      );
    }
    for (let i = 0; i < backups.length; i++) this.#backup(state, i, emit);
    for (let i = 0; i < collectors; i++) this.#collector(state, i, emit);
    if (!crashes) return;
    for (let i = 0; i < this.#processes; i++) {
      const base = PROCESS + i * PROCESS_BYTES;
      const pc = at(state, base);
      if (pc === 0 || pc === END) continue;
      emit(`${this.#name(i)} dies`, ended(state, base));
    }
  }

  #name(process: number): string {
    const { length } = this.#scenario.backups;
    return process < length ? `backup ${process}` : `collector ${process - length}`;
  }

  #blobsOf(snapshots: number): number {
    const { backups, snapshot } = this.#scenario;
    let blobs = (snapshots & 1) !== 0 ? snapshot : 0;
    backups.forEach((wanted, i) => {
      if ((snapshots & (2 << i)) !== 0) blobs |= wanted;
    });
    return blobs;
  }

  #backup(state: State, i: number, emit: Emit): void {
    const rules = this.#rules;
    const base = PROCESS + i * PROCESS_BYTES;
    const wanted = this.#scenario.backups[i] ?? 0;
    const pc = at(state, base);
    const local = (offset: number): number => at(state, base + offset);
    const step = (
      label: string,
      to: number,
      edit: (next: State) => void = () => undefined,
    ): void => {
      emit(
        `backup ${i} ${label}`,
        change(state, (next) => {
          next[base] = to;
          edit(next);
        }),
      );
    };
    const set = (next: State, offset: number, value: number): void => {
      next[base + offset] = value;
    };
    const beats = at(state, BEATS + i);
    const putLease = (to: number): void => step("put leases", to, (next) => (next[BEATS + i] = 1));
    const listPlans = (to: number): void =>
      step("list gc", to, (next) => set(next, B.seen, at(state, PLANS)));
    /** Two storage operations; at each the lease may turn out to be lost. */
    const writeBeat = (to: number): void =>
      step("put leases", to, (next) => {
        next[BEATS + i] = beats | (2 << local(B.beat));
        next[SEEN + i] = local(B.seen);
      });
    const look = (to: number, lost: number): void => {
      const isThere = (beats & (1 << local(B.beat))) !== 0;
      step("stat leases", isThere ? to : lost, (next) => {
        if (isThere && rules.beatThenLook) {
          next[BEATS + i] = beats & ~(1 << local(B.beat));
          set(next, B.beat, local(B.beat) + 1);
        }
      });
    };
    const writeAfterLook = (to: number): void =>
      step("put leases", to, (next) => {
        next[BEATS + i] = (beats | (2 << local(B.beat))) & ~(1 << local(B.beat));
        next[SEEN + i] = local(B.seen);
        set(next, B.beat, local(B.beat) + 1);
      });
    const confirm = (first: boolean, from: number, to: number, lost: number): void => {
      if (rules.beatThenLook) {
        if (first) writeBeat(from + 1);
        else look(to, lost);
      } else if (first) look(from + 1, lost);
      else writeAfterLook(to);
    };
    const condemned = packsOfPlans(state, local(B.seen));
    switch (pc) {
      case 0:
        step("list index", 1, (next) => set(next, B.index, at(state, INDEXED)));
        return;
      case 1:
        if (rules.leaseBeforePlans) putLease(2);
        else listPlans(2);
        return;
      case 2:
        if (rules.leaseBeforePlans) listPlans(3);
        else putLease(3);
        return;
      case 3:
        if (local(B.seen) === 0) listPacks(state, base, emit, `backup ${i}`, 0);
        else confirm(true, 3, 5, 20);
        return;
      case 4:
        confirm(false, 3, 5, 20);
        return;
      case 5:
        listPacks(state, base, emit, `backup ${i}`, rules.honourPlans ? condemned : 0);
        return;
      case 6: {
        // What was moved stands in segments that are newer than the index.
        const index = local(B.seen) === 0 ? local(B.index) : at(state, INDEXED);
        const known = local(B.good) & index;
        const missing = wanted & ~blobsIn(state, known);
        const relied = packsWith(state, known, wanted);
        if (missing === 0) {
          step("relies on what is stored", 9, (next) => set(next, B.relied, relied));
          return;
        }
        const own = at(state, NEXT_PACK);
        if (own >= PACKS_MAX) return;
        step("put packs", 8, (next) => {
          set(next, B.relied, relied | (1 << own));
          set(next, B.own, own);
          putPack(next, missing);
        });
        return;
      }
      case 8:
        step("put index", 9, (next) => (next[INDEXED] = at(state, INDEXED) | (1 << local(B.own))));
        return;
      case 9:
        confirm(true, 9, 11, 20);
        return;
      case 10:
        confirm(false, 9, 11, 20);
        return;
      case 11: {
        const isThere = (local(B.relied) & ~at(state, PACKS)) === 0;
        step("list packs", isThere ? 12 : 20);
        return;
      }
      case 12:
        step("put snapshots", rules.confirmAfter ? 13 : 20, (next) => {
          next[SNAPSHOTS] = at(state, SNAPSHOTS) | (2 << i);
          if (!rules.confirmAfter) next[ACKED] = at(state, ACKED) | (2 << i);
        });
        return;
      case 13:
        confirm(true, 13, 16, 15);
        return;
      case 14:
        confirm(false, 13, 16, 15);
        return;
      case 15:
        step(
          "delete snapshots",
          20,
          (next) => (next[SNAPSHOTS] = at(state, SNAPSHOTS) & ~(2 << i)),
        );
        return;
      case 16:
        step("acknowledges", 20, (next) => (next[ACKED] = at(state, ACKED) | (2 << i)));
        return;
      case 20:
        step("delete leases", END, (next) => {
          next[BEATS + i] = 0;
          next[SEEN + i] = 0;
          next.fill(0, base + 1, base + PROCESS_BYTES);
        });
        return;
    }
  }

  #collector(state: State, i: number, emit: Emit): void {
    const rules = this.#rules;
    const base = PROCESS + (this.#scenario.backups.length + i) * PROCESS_BYTES;
    const pc = at(state, base);
    const local = (offset: number): number => at(state, base + offset);
    const step = (
      label: string,
      to: number,
      edit: (next: State) => void = () => undefined,
    ): void => {
      const next = change(state, (one) => {
        one[base] = to;
        edit(one);
        if (to === END) one.fill(0, base + 1, base + PROCESS_BYTES);
      });
      emit(`collector ${i} ${label}`, next);
    };
    const set = (next: State, offset: number, value: number): void => {
      next[base + offset] = value;
    };
    const live = this.#blobsOf(at(state, SNAPSHOTS));
    switch (pc) {
      case 0:
        step("list gc", 1, (next) => set(next, C.plan, at(state, PLANS)));
        return;
      case 1:
        step("list snapshots", 2, (next) => set(next, C.needed, live));
        return;
      case 2:
        step("list packs", 3, (next) => set(next, C.packs, at(state, PACKS)));
        return;
      case 3:
        step("list index", 4, (next) => set(next, C.index, at(state, INDEXED)));
        return;
      case 4: {
        // Any set of packs may be condemned; what is needed of them is moved first.
        step("plans nothing", 8);
        const good = local(C.packs) & ~packsOfPlans(state, local(C.plan));
        for (let some = good; some > 0; some = (some - 1) & good) {
          const missing = local(C.needed) & ~blobsIn(state, good & ~some & local(C.index));
          if ((missing & ~blobsIn(state, local(C.packs) & local(C.index))) !== 0) continue;
          if (missing !== 0 && at(state, NEXT_PACK) >= PACKS_MAX) continue;
          const verb = missing === 0 ? "chooses" : "put packs, a copy,";
          step(`${verb} to condemn ${some.toString(2)}`, missing === 0 ? 6 : 5, (next) => {
            set(next, C.dropped, some);
            if (missing === 0) return;
            set(next, C.copy, at(state, NEXT_PACK));
            putPack(next, missing);
          });
        }
        return;
      }
      case 5:
        step("put index", 6, (next) => (next[INDEXED] = at(state, INDEXED) | (1 << local(C.copy))));
        return;
      case 6: {
        const plan = at(state, NEXT_PLAN);
        if (plan >= PLANS_MAX) return;
        step("put gc", 8, (next) => {
          next[PLAN + plan] = local(C.dropped);
          next[PLANS] = at(state, PLANS) | (1 << plan);
          next[NEXT_PLAN] = plan + 1;
          set(next, C.dropped, 0);
          set(next, C.copy, 0);
        });
        return;
      }
      case 8:
        for (let plan = 0; plan < PLANS_MAX; plan++) {
          if ((at(state, PLANS) & (1 << plan)) === 0) continue;
          step(`list gc, to sweep plan ${plan}`, rules.leasesBeforeSnapshots ? 9 : 14, (next) =>
            set(next, C.target, plan),
          );
        }
        return;
      case 9:
        this.#listLeases(state, base, step, set);
        return;
      case 10:
        step("delete leases", rules.listAgain ? 11 : 13, (next) => {
          for (const b of [0, 1] as const) {
            if ((local(C.dead) & (1 << b)) === 0) continue;
            next[BEATS + b] = at(state, BEATS + b) & ~local(C.listed0 + b);
          }
        });
        return;
      case 11: {
        const back = [0, 1].some(
          (b) => (local(C.dead) & (1 << b)) !== 0 && at(state, BEATS + b) !== 0,
        );
        step("list leases", back ? END : 13);
        return;
      }
      case 13:
        if (rules.plansBeforePacks) {
          step("list gc", rules.leasesBeforeSnapshots ? 14 : 15, (next) =>
            set(next, C.condemned, packsOfPlans(state, at(state, PLANS))),
          );
        } else {
          step("list packs", rules.leasesBeforeSnapshots ? 14 : 15, (next) =>
            set(next, C.packs, at(state, PACKS)),
          );
        }
        return;
      case 14:
        step("list snapshots", rules.leasesBeforeSnapshots ? 15 : 9, (next) => {
          if (rules.remark) set(next, C.needed, local(C.needed) | live);
        });
        return;
      case 15:
        if (rules.plansBeforePacks) {
          step("list packs", 16, (next) => set(next, C.packs, at(state, PACKS)));
        } else {
          step("list gc", 16, (next) =>
            set(next, C.condemned, packsOfPlans(state, at(state, PLANS))),
          );
        }
        return;
      case 16:
        step("list index", 17, (next) => set(next, C.index, at(state, INDEXED)));
        return;
      case 17:
        this.#judge(state, base, step, set);
        return;
      case 18:
        step(
          "put index",
          15,
          (next) => (next[INDEXED] = at(state, INDEXED) | (1 << local(C.copy))),
        );
        return;
      case 20:
        step("put index, delete index", rules.packsBeforePlan ? 21 : 22, (next) => {
          next[INDEXED] = at(state, INDEXED) & ~local(C.dropped);
        });
        return;
      case 21: {
        const left = local(C.dropped) & at(state, PACKS);
        if (left === 0) {
          step("has deleted all packs", rules.packsBeforePlan ? 22 : END);
          return;
        }
        const one = left & -left;
        step("delete packs", 21, (next) => (next[PACKS] = at(state, PACKS) & ~one));
        return;
      }
      case 22:
        step("delete gc", rules.packsBeforePlan ? END : 21, (next) => {
          next[PLANS] = at(state, PLANS) & ~(1 << local(C.target));
        });
        return;
    }
  }

  /** Lists the leases and judges each: alive and in the way, alive and not, or dead, as time may have it. */
  #listLeases(state: State, base: number, step: Step, set: SetLocal): void {
    const { sweepWaits, endDeadLeases } = this.#rules;
    const plan = 1 << at(state, base + C.target);
    const next = 13;
    if (sweepWaits === "never") {
      step("does not look at leases", next);
      return;
    }
    if (sweepWaits === "for a commit") {
      const committed = (at(state, ACKED) & ~1) !== 0;
      step("waits for any commit", committed ? next : END);
      return;
    }
    const inTheWay: number[] = [];
    for (const b of [0, 1]) {
      const isThere = at(state, BEATS + b) !== 0;
      if (isThere && (at(state, SEEN + b) & plan) === 0) inTheWay.push(b);
    }
    if (inTheWay.length === 0) {
      step("list leases", next);
      return;
    }
    step("list leases, and has to wait", END);
    step("list leases, and all in the way are dead", endDeadLeases ? 10 : next, (one) => {
      if (!endDeadLeases) return;
      set(
        one,
        C.dead,
        inTheWay.reduce((mask, b) => mask | (1 << b), 0),
      );
      set(one, C.listed0, at(state, BEATS));
      set(one, C.listed1, at(state, BEATS + 1));
    });
  }

  #judge(state: State, base: number, step: Step, set: SetLocal): void {
    const rules = this.#rules;
    const local = (offset: number): number => at(state, base + offset);
    const target = at(state, PLAN + local(C.target));
    const condemned = (rules.outsideAllPlans ? local(C.condemned) : 0) | target;
    const good = local(C.packs) & local(C.index) & ~condemned;
    const missing = local(C.needed) & ~blobsIn(state, good);
    if (missing === 0) {
      step("finds all that is needed", 20, (next) => set(next, C.dropped, target));
      return;
    }
    if (!rules.condemnedForEver) {
      const spared = packsWith(state, target & local(C.packs), missing);
      step("spares what is needed", 20, (next) => set(next, C.dropped, target & ~spared));
      return;
    }
    const isFound = (missing & ~blobsIn(state, local(C.packs) & at(state, PACKS))) === 0;
    if (!isFound || at(state, NEXT_PACK) >= PACKS_MAX) {
      step("does not find all that is needed", END);
      return;
    }
    if (!rules.copyBeforeDelete) {
      // The copy would come after the deletion: dying in between is what this shows.
      step("goes on, to copy later", 20, (next) => set(next, C.dropped, target));
      return;
    }
    step("put packs, a copy", 18, (next) => {
      set(next, C.copy, at(state, NEXT_PACK));
      putPack(next, missing);
    });
  }
}

type Step = (label: string, to: number, edit?: (next: State) => void) => void;
type SetLocal = (next: State, offset: number, value: number) => void;

function at(state: State, offset: number): number {
  return state[offset] as number;
}

function change(state: State, edit: (next: State) => void): State {
  const next = state.slice();
  edit(next);
  return next;
}

function ended(state: State, base: number): State {
  return change(state, (next) => {
    next.fill(0, base, base + PROCESS_BYTES);
    next[base] = END;
  });
}

function putPack(next: State, content: number): void {
  const pack = at(next, NEXT_PACK);
  next[CONTENT + pack] = content;
  next[PACKS] = at(next, PACKS) | (1 << pack);
  next[NEXT_PACK] = pack + 1;
}

function listPacks(state: State, base: number, emit: Emit, name: string, condemned: number): void {
  emit(
    `${name} list packs`,
    change(state, (next) => {
      next[base] = 6;
      next[base + B.good] = at(state, PACKS) & ~condemned;
    }),
  );
}

function blobsIn(state: State, packs: number): number {
  let blobs = 0;
  for (let pack = 0; pack < PACKS_MAX; pack++) {
    if ((packs & (1 << pack)) !== 0) blobs |= at(state, CONTENT + pack);
  }
  return blobs;
}

function packsWith(state: State, packs: number, blobs: number): number {
  let found = 0;
  for (let pack = 0; pack < PACKS_MAX; pack++) {
    const bit = 1 << pack;
    if ((packs & bit) !== 0 && (at(state, CONTENT + pack) & blobs) !== 0) found |= bit;
  }
  return found;
}

function packsOfPlans(state: State, plans: number): number {
  let packs = 0;
  for (let plan = 0; plan < PLANS_MAX; plan++) {
    if ((plans & (1 << plan)) !== 0) packs |= at(state, PLAN + plan);
  }
  return packs;
}

function keyOf(state: State): string {
  return String.fromCharCode(...state);
}

function pathTo(
  state: State,
  parents: ReadonlyMap<string, { readonly label: string; readonly from: State }>,
): string[] {
  const path: string[] = [];
  let parent = parents.get(keyOf(state));
  while (parent !== undefined) {
    path.unshift(parent.label);
    parent = parents.get(keyOf(parent.from));
  }
  return path;
}

/** States met, by two hashes of 32 bits each: among ten million the chance of a mix-up is 3 in a million. */
class StateTable {
  #slots = new Uint32Array(1 << 17);
  #size = 0;

  /** @returns false when it was there. */
  add(state: State): boolean {
    if (this.#size * 3 > this.#slots.length) this.#grow();
    let a = 0x811c9dc5;
    let b = 0x9747b28c;
    for (const byte of state) {
      a = Math.imul(a ^ byte, 0x01000193);
      b = Math.imul(b ^ byte, 0x5bd1e995);
      b ^= b >>> 13;
    }
    a ^= a >>> 15;
    return this.#insert(a >>> 0 || 1, b >>> 0);
  }

  #insert(a: number, b: number): boolean {
    const slots = this.#slots;
    const mask = slots.length / 2 - 1;
    for (let slot = (a ^ (b >>> 7)) & mask; ; slot = (slot + 1) & mask) {
      const known = slots[2 * slot] as number;
      if (known === 0) {
        slots[2 * slot] = a;
        slots[2 * slot + 1] = b;
        this.#size++;
        return true;
      }
      if (known === a && slots[2 * slot + 1] === b) return false;
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    this.#size = 0;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i] !== 0) this.#insert(old[i] as number, old[i + 1] as number);
    }
  }
}
