/** The difference of two texts: side by side where there is room, else one below the other. */
import { ChevronsUpDown, CircleCheck, FileX2 } from "lucide-react";
import { useMemo, useState } from "react";
import type { ReactNode } from "react";

import { Button } from "../../components/button.tsx";
import { classNames } from "../../components/class-names.ts";
import { EmptyState, SkeletonRows } from "../../components/states.tsx";
import { useMediaQuery } from "../../components/use-media-query.ts";
import { formatCount } from "../../format.ts";
import { foldRows } from "./text-diff.ts";
import type { DiffRow, DiffSide } from "./text-diff.ts";
import styles from "./text-diff-view.module.css";
import { useTextDiff } from "./use-text-diff.ts";

/** Rows put on the screen at a time; more on demand. */
const ROWS_STEP = 1500;

export function TextDiffView({
  before,
  after,
}: {
  readonly before: string;
  readonly after: string;
}): ReactNode {
  const state = useTextDiff(before, after);
  const wide = useMediaQuery("(min-width: 900px)");
  if (state.status === "running") {
    return <SkeletonRows count={14} rowHeight={24} label="Comparing lines" />;
  }
  if (state.status === "given-up") {
    return (
      <EmptyState icon={FileX2} title="The two versions differ too much">
        They cannot be shown line by line. Download both to compare them.
      </EmptyState>
    );
  }
  const { diff } = state;
  if (diff.added === 0 && diff.removed === 0) {
    return (
      <EmptyState icon={CircleCheck} title="The text is the same">
        {diff.onlyLineEnds
          ? "Only the ends of the lines differ."
          : "Only details of the file differ."}
      </EmptyState>
    );
  }
  return (
    <>
      <p role="status" className={styles["summary"]}>
        <span className={styles["more"]}>+{formatCount(diff.added, "line")}</span>{" "}
        <span className={styles["less"]}>−{formatCount(diff.removed, "line")}</span>
      </p>
      <Rows rows={diff.rows} wide={wide} />
    </>
  );
}

function Rows({
  rows,
  wide,
}: {
  readonly rows: readonly DiffRow[];
  readonly wide: boolean;
}): ReactNode {
  const sections = useMemo(() => foldRows(rows), [rows]);
  const [unfolded, setUnfolded] = useState<ReadonlySet<number>>(new Set());
  const [limit, setLimit] = useState(ROWS_STEP);
  let room = limit;
  let hidden = 0;
  const bodies: ReactNode[] = [];
  for (const [index, section] of sections.entries()) {
    if (section.kind === "folded" && !unfolded.has(section.key)) {
      if (room <= 0) continue;
      bodies.push(
        <tbody key={index}>
          <tr className={styles["fold"]}>
            <td colSpan={wide ? 4 : 2}>
              <button
                type="button"
                onClick={() => {
                  setUnfolded(new Set([...unfolded, section.key]));
                }}
              >
                <ChevronsUpDown aria-hidden size={14} />
                Show {formatCount(section.rows.length, "equal line")}
              </button>
            </td>
          </tr>
        </tbody>,
      );
      continue;
    }
    const shown = section.rows.slice(0, Math.max(0, room));
    hidden += section.rows.length - shown.length;
    room -= shown.length;
    if (shown.length === 0) continue;
    bodies.push(
      <tbody key={index}>
        {wide
          ? shown.map((row, at) => <SideBySide key={at} row={row} />)
          : unified(shown).map((line, at) => <OneLine key={at} line={line} />)}
      </tbody>,
    );
  }
  return (
    <>
      <div className={styles["frame"]}>
        <table className={classNames(styles["table"], wide ? styles["wide"] : styles["unified"])}>
          <caption className="visually-hidden">Lines before and after</caption>
          <colgroup>
            <col className={styles["numberColumn"]} />
            <col />
            {wide && <col className={styles["numberColumn"]} />}
            {wide && <col />}
          </colgroup>
          <thead className="visually-hidden">
            <tr>
              <th scope="col">Line</th>
              <th scope="col">{wide ? "Before" : "Text"}</th>
              {wide && <th scope="col">Line</th>}
              {wide && <th scope="col">After</th>}
            </tr>
          </thead>
          {bodies}
        </table>
      </div>
      {hidden > 0 && (
        <p className={styles["rest"]}>
          <Button
            onClick={() => {
              setLimit(limit + ROWS_STEP);
            }}
          >
            Show more of {formatCount(hidden, "line")}
          </Button>
        </p>
      )}
    </>
  );
}

function SideBySide({ row }: { readonly row: DiffRow }): ReactNode {
  const changed = row.kind === "changed";
  return (
    <tr>
      <Half side={row.before} look={changed ? "removed" : undefined} />
      <Half side={row.after} look={changed ? "added" : undefined} />
    </tr>
  );
}

type Look = "added" | "removed" | undefined;

function Half({
  side,
  look,
}: {
  readonly side: DiffSide | undefined;
  readonly look: Look;
}): ReactNode {
  if (side === undefined) {
    return (
      <>
        <td className={styles["nothing"]} />
        <td className={styles["nothing"]} />
      </>
    );
  }
  return <LineCells side={side} look={look} />;
}

/** A line's number and its text. */
function LineCells({ side, look }: { readonly side: DiffSide; readonly look: Look }): ReactNode {
  return (
    <>
      <td className={styles["number"]} data-look={look}>
        {side.number}
      </td>
      <td className={styles["text"]} data-look={look}>
        <Pieces side={side} look={look} />
      </td>
    </>
  );
}

function Pieces({ side, look }: { readonly side: DiffSide; readonly look: Look }): ReactNode {
  return (
    <>
      {look && (
        <span className="visually-hidden">{look === "added" ? "Added: " : "Removed: "}</span>
      )}
      {side.pieces.map(({ text, changed }, index) =>
        changed ? <mark key={index}>{text}</mark> : <span key={index}>{text}</span>,
      )}
    </>
  );
}

interface UnifiedLine {
  readonly side: DiffSide;
  readonly look: Look;
}

/** What was there above what came instead, run by run. */
function unified(rows: readonly DiffRow[]): readonly UnifiedLine[] {
  const lines: UnifiedLine[] = [];
  let come: UnifiedLine[] = [];
  for (const row of rows) {
    if (row.kind === "same") {
      lines.push(...come, { side: row.after, look: undefined });
      come = [];
      continue;
    }
    if (row.before) lines.push({ side: row.before, look: "removed" });
    if (row.after) come.push({ side: row.after, look: "added" });
  }
  return [...lines, ...come];
}

function OneLine({ line: { side, look } }: { readonly line: UnifiedLine }): ReactNode {
  return (
    <tr>
      <LineCells side={side} look={look} />
    </tr>
  );
}
