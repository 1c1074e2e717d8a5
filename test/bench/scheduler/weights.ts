import { loadedMs, loadedMsByRecency, weightsTrace } from '../../support/fixtures/weights-trace.ts';

const HOUR_MS = 3_600_000;

/** The time that models spend loading on a node, when weights are unloaded by least credit, and by least recent use. */
export function weightsBench(quick: boolean): void {
  console.log(
    '\nweights in memory: 60 models of 2 to 140 GiB, asked for 2,000 times by a Zipf law that changes half-way; mean of 8 traces',
  );
  for (const gib of quick ? [320] : [160, 320, 640, 960]) {
    let [byCredit, byRecency] = [0, 0];
    for (let seed = 1; seed <= 8; seed++) {
      const trace = weightsTrace(seed, 2_000);
      byCredit += loadedMs(trace, gib * 1_024) / 8;
      byRecency += loadedMsByRecency(trace, gib * 1_024) / 8;
    }
    const [credit, recency] = [byCredit, byRecency].map((ms) => (ms / HOUR_MS).toFixed(2));
    const ratio = (byCredit / byRecency).toFixed(3);
    console.log(`  ${gib} GiB: ${credit} h of loading, ${recency} h when the least recently used go: ${ratio}`);
  }
}
