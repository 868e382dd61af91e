/** A restore that runs: how far it is, how fast, and how long it will take. */
import { useEffect, useState } from "react";
import type { ReactNode } from "react";

import type { RestoreJob } from "../../../../src/server/api.ts";
import { ProgressBar } from "../../components/progress-bar.tsx";
import { formatNumber, formatSize } from "../../format.ts";
import { type Sample, itemsTitle, rateOf, rateWords } from "./job-words.ts";
import styles from "./job.module.css";

/** The rate is that of the last ten seconds. */
const SAMPLES_MS = 10_000;

export function JobProgress({ job }: { readonly job: RestoreJob }): ReactNode {
  const { progress } = job;
  const rate = useRate(progress.bytesDone);
  const { filesDone, filesTotal, bytesDone, bytesTotal, counting } = progress;
  const known = !counting && bytesTotal + filesTotal > 0;
  const share = bytesTotal > 0 ? bytesDone / bytesTotal : filesDone / Math.max(1, filesTotal);
  return (
    <div className={styles["progress"]}>
      <ProgressBar value={known ? share : undefined} label={`Restoring ${itemsTitle(job)}`} />
      <p className={styles["numbers"]}>
        <span>
          {formatNumber(filesDone)} of {formatNumber(filesTotal)}
          {counting ? " files found so far" : " files"}, {formatSize(bytesDone)} of{" "}
          {formatSize(bytesTotal)}
        </span>
        <span className={styles["rate"]}>{rateWords(rate, progress)}</span>
      </p>
    </div>
  );
}

function useRate(bytes: number): number | undefined {
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  useEffect(() => {
    const add = (): void => {
      const timeMs = performance.now();
      setSamples((before) => [
        ...before.filter((sample) => timeMs - sample.timeMs < SAMPLES_MS),
        { timeMs, bytes },
      ]);
    };
    add();
    const timer = setInterval(add, 1000);
    return () => {
      clearInterval(timer);
    };
  }, [bytes]);
  return rateOf(samples);
}
