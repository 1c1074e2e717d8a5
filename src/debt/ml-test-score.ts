/** The sections and checks of the ML Test Score (Breck et al., IEEE Big Data 2017). */
const CHECKS = {
  data: [
    'feature-expectations',
    'features-beneficial',
    'feature-cost',
    'feature-policy',
    'privacy-controls',
    'features-added-quickly',
    'feature-code-tested',
  ],
  model: [
    'specs-reviewed',
    'offline-online-correlate',
    'hyperparameters-tuned',
    'staleness-known',
    'simpler-model-worse',
    'quality-on-slices',
    'inclusion-tested',
  ],
  infrastructure: [
    'training-reproducible',
    'specs-unit-tested',
    'pipeline-integration-tested',
    'quality-before-serving',
    'model-debuggable',
    'canary-before-serving',
    'serving-rolls-back',
  ],
  monitoring: [
    'dependency-changes-notify',
    'data-invariants-hold',
    'training-serving-not-skewed',
    'models-not-stale',
    'numerically-stable',
    'performance-not-regressed',
    'quality-not-regressed',
  ],
} as const;

type MlTestSection = keyof typeof CHECKS;

export const ML_TEST_SECTIONS = Object.keys(CHECKS) as MlTestSection[];

export const ML_TEST_CHECKS: readonly string[] = ML_TEST_SECTIONS.flatMap((section) => CHECKS[section]);

export const sectionOf = (check: string): MlTestSection | undefined =>
  ML_TEST_SECTIONS.find((section) => (CHECKS[section] as readonly string[]).includes(check));
