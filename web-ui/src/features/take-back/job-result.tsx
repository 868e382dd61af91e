/** What a restore did, or a plan would do: the numbers, and the paths behind each. */
import { ChevronRight } from "lucide-react";
import type { ReactNode } from "react";

import type { PathList, RestoreJob, RestoreResult } from "../../../../src/server/api.ts";
import { Notice } from "../../components/states.tsx";
import { formatCount, formatNumber, formatSize } from "../../format.ts";
import { targetWords, writtenWords } from "./job-words.ts";
import styles from "./job.module.css";

export function JobResult({
  job,
  isTitled = false,
}: {
  readonly job: RestoreJob;
  /** What was written and where to stands above it already. */
  readonly isTitled?: boolean;
}): ReactNode {
  const { result, error, state } = job;
  return (
    <div className={styles["result"]}>
      {state === "failed" && (
        <Notice tone="danger">
          {job.dryRun ? "This cannot be planned." : "The restore stopped."} {error?.message}
        </Notice>
      )}
      {state === "cancelled" && !job.dryRun && (
        <Notice tone="info">It was cancelled. What was restored until then is still there.</Notice>
      )}
      {result && <Facts job={job} result={result} isTitled={isTitled} />}
      {result && <Lists job={job} result={result} />}
    </div>
  );
}

function Facts({
  job,
  result,
  isTitled,
}: {
  readonly job: RestoreJob;
  readonly result: RestoreResult;
  readonly isTitled: boolean;
}): ReactNode {
  const { dryRun, target } = job;
  const facts: [string, ReactNode][] = [];
  if (!isTitled) {
    facts.push(
      [dryRun ? "Will be written" : "Written", writtenWords(result)],
      ["To", <span className={target && styles["path"]}>{targetWords(job)}</span>],
    );
  }
  if (result.unchanged > 0) {
    facts.push(["Already right", formatCount(result.unchanged, "entry", "entries")]);
  }
  if (result.verified > 0) {
    facts.push(["Checked", `${formatCount(result.verified, "file")}, all right`]);
  }
  if (result.fetch !== undefined && result.fetch.packs > 0) {
    const { bytes, packs } = result.fetch;
    facts.push(["Has to be read", `${formatSize(bytes)} from ${formatCount(packs, "pack")}`]);
  }
  if (facts.length === 0) return null;
  return (
    <dl className={styles["facts"]}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Lists({
  job: { dryRun },
  result,
}: {
  readonly job: RestoreJob;
  readonly result: RestoreResult;
}): ReactNode {
  const { problems, problemCount, notes, replaced, kept, created } = result;
  return (
    <div className={styles["lists"]}>
      {problemCount > 0 && (
        <Details
          tone="danger"
          open
          title={`${formatCount(problemCount, "entry", "entries")} ${dryRun ? "cannot be" : "could not be"} restored`}
          more={problemCount - problems.length}
        >
          {problems.map(({ path, message }, index) => (
            <li key={index}>
              <span className={styles["path"]}>{path}</span>
              <span className={styles["message"]}>{message}</span>
            </li>
          ))}
        </Details>
      )}
      {notes.length > 0 && (
        <Details tone="warning" title="Some properties could not be restored" open more={0}>
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </Details>
      )}
      <Paths
        list={replaced}
        title={dryRun ? "will take the place of what is there" : "took the place of what was there"}
        open={dryRun}
      />
      <Paths list={kept} title={dryRun ? "will stay as they are" : "stayed as they were"} />
      <Paths list={created} title={dryRun ? "will be new" : "are new"} />
    </div>
  );
}

function Paths({
  list: { count, paths },
  title,
  open = false,
}: {
  readonly list: PathList;
  readonly title: string;
  readonly open?: boolean;
}): ReactNode {
  if (count === 0 || paths.length === 0) return null;
  return (
    <Details
      title={`${formatCount(count, "entry", "entries")} ${title}`}
      open={open}
      more={count - paths.length}
    >
      {paths.map((path) => (
        <li key={path} className={styles["path"]}>
          {path}
        </li>
      ))}
    </Details>
  );
}

function Details({
  title,
  tone = "neutral",
  open = false,
  more,
  children,
}: {
  readonly title: string;
  readonly tone?: "neutral" | "warning" | "danger";
  readonly open?: boolean;
  /** How many are not listed. */
  readonly more: number;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <details open={open} className={styles["details"]} data-tone={tone}>
      <summary>
        <ChevronRight aria-hidden size={16} />
        {title}
      </summary>
      <ul tabIndex={0} aria-label={title}>
        {children}
        {more > 0 && <li className={styles["message"]}>and {formatNumber(more)} more</li>}
      </ul>
    </details>
  );
}
