import type { DebtRule } from '../../contract/debt/debt-items.ts';
import { groupBy } from '../../kernel/grouped.ts';
import { ML_TEST_SECTIONS, sectionOf } from '../ml-test-score.ts';
import { evenSpread } from '../spread.ts';
import type { Hit, Rule, RuleContext } from './rule.ts';
import { detailOf, numberOf, ofEach, ofNamed, textDetailOf } from './rule.ts';

/** Training a model again and indexing by it, where it was never measured: a working day. */
const RETRAIN_MINUTES = 480;
const REINDEX_MINUTES = 240;

const unpinnedInputs = ofNamed('recipe-input', (fact) => {
  if (fact.value !== '') return undefined;
  return {
    title: `its input ${fact.symbol} is pinned to no hash`,
    remedy: 'state the SHA-256 of the input in the recipe',
    minutes: 60,
    interest: evenSpread(5),
  };
});

/** The reproducibility index that recipes have to reach, by tier. */
const REPRODUCIBILITY_TARGET = { 1: 0.9, 2: 0.7, 3: 0.5 } as const;

const notReproducible = ofEach('reproducibility', (fact, context) => {
  const [index, target] = [numberOf(fact), REPRODUCIBILITY_TARGET[context.tierOf(fact.subject)]];
  if (index >= target) return undefined;
  return {
    title: `its reproducibility index is ${index.toFixed(2)} (target ${target})`,
    remedy: 'pin its inputs and the environment, and take out what depends on time, order or chance',
    minutes: Math.max(240 * (1 - index), detailOf(fact, 'run_minutes')),
    interest: evenSpread(30 * (1 - index)),
    risk: 2,
  };
});

const contractMismatches = ofEach('embedding-contract', (fact) => {
  const served = textDetailOf(fact, 'served');
  if (served === '' || served === fact.value || textDetailOf(fact, 'proof') !== '') return undefined;
  return {
    title: `its vectors are of contract ${String(fact.value).slice(0, 12)}, and the model served is of ${served.slice(0, 12)}`,
    remedy: 'rebuild the index as a new generation under the served model, or serve the one that it was built with',
    minutes: detailOf(fact, 'reindex_minutes', REINDEX_MINUTES),
    interest: evenSpread(120),
    isBlocking: true,
  };
});

/** The population stability index above which a distribution is taken to have moved: a convention of scoring. */
const PSI_MAX = 0.25;
const DRIFT_MINUTES_PER_WEEK = 60;

function* driftedModels({ facts }: RuleContext): Iterable<Hit> {
  for (const [model, moved] of groupBy(facts.of('input-shift'), ({ subject }) => subject)) {
    const beyond = moved.filter((fact) => numberOf(fact) > PSI_MAX).sort((a, b) => numberOf(b) - numberOf(a));
    const [worst] = beyond;
    if (worst === undefined) continue;
    yield {
      subject: model,
      title: `the distribution of ${beyond.map((fact) => `${fact.symbol} (PSI ${numberOf(fact).toFixed(2)})`).join(', ')} has moved (at most ${PSI_MAX})`,
      remedy: 'measure recall on current queries; if it fell, train on current data and rebuild the indexes',
      minutes: detailOf(worst, 'retrain_minutes', RETRAIN_MINUTES),
      interest: evenSpread(DRIFT_MINUTES_PER_WEEK * Math.min(1, numberOf(worst) / (4 * PSI_MAX))),
      risk: 2,
      evidence: beyond,
    };
  }
}

const RECALL_LOSS_MAX = 0.02;

const recallLosses = ofEach('canary-recall', (fact, { policy }) => {
  const [recall, reference] = [numberOf(fact), detailOf(fact, 'reference')];
  if (reference - recall <= RECALL_LOSS_MAX) return undefined;
  return {
    title: `recall on fixed queries is ${recall.toFixed(3)}; it was ${reference.toFixed(3)}`,
    remedy: 'compare the index with exact search, and rebuild it if it is at fault; else train again',
    minutes: detailOf(fact, 'retrain_minutes', RETRAIN_MINUTES),
    interest: evenSpread(Math.min(1, reference - recall) * policy.capacity_minutes_per_week * 0.5),
    risk: 2,
  };
});

const MODEL_DAYS_MAX = 365;

const staleModels = ofEach('model-age', (fact) => {
  const days = numberOf(fact);
  const daysMax = detailOf(fact, 'days_max', MODEL_DAYS_MAX);
  if (days <= daysMax) return undefined;
  return {
    title: `was trained ${Math.round(days)} days ago (at most ${daysMax})`,
    remedy: 'train it on current data, or measure that its age does no harm and raise `days_max`',
    minutes: detailOf(fact, 'retrain_minutes', RETRAIN_MINUTES),
    interest: evenSpread(10),
  };
});

const servingSkews = ofNamed('training-contract', (fact) => {
  const serving = textDetailOf(fact, 'serving');
  if (serving === fact.value) return undefined;
  return {
    title: `its ${fact.symbol} in serving (${serving.slice(0, 12) || 'none'}) is not that of training (${String(fact.value).slice(0, 12)})`,
    remedy: `serve the ${fact.symbol} that the model was trained with, from the files of its version`,
    minutes: 240,
    interest: evenSpread(60),
    risk: 2,
  };
});

/** Points of each section of the ML Test Score that a component has to reach, by tier. */
const ML_TEST_TARGET = { 1: 3, 2: 2, 3: 1 } as const;

function* missingMlTests(context: RuleContext): Iterable<Hit> {
  for (const [component, facts] of groupBy(context.facts.of('ml-test'), ({ subject }) => subject)) {
    const target = ML_TEST_TARGET[context.tierOf(component)];
    for (const section of ML_TEST_SECTIONS) {
      const checks = facts.filter(({ symbol = '' }) => sectionOf(symbol) === section);
      const points = checks.reduce((sum, fact) => sum + numberOf(fact), 0);
      if (points >= target) continue;
      const missing = checks.filter((fact) => numberOf(fact) < 1).map(({ symbol }) => symbol);
      yield {
        subject: component,
        symbol: section,
        title: `has ${points} of ${target} points in the section ${section} of the ML Test Score`,
        remedy: `automate one of: ${missing.slice(0, 4).join(', ')}`,
        minutes: 60 * (target - points),
        interest: evenSpread(10 * (target - points)),
        evidence: checks,
      };
    }
  }
}

/** Rules about models and the data they are made of. */
export const MODEL_RULES = {
  'unpinned-input': {
    signal: 'reproducibility',
    about: 'Fires on an input of a recipe without a hash. Takes an hour.',
    find: unpinnedInputs,
  },
  'not-reproducible': {
    signal: 'reproducibility',
    about:
      "Fires on a recipe whose reproducibility index is below its tier's target: 0.9, 0.7 or 0.5. Takes four hours x (1 - index), or as long as it runs.",
    find: notReproducible,
  },
  'contract-mismatch': {
    signal: 'embedding-contracts',
    about:
      'Fires on an index whose embedding contract is not that of the model served, without a proof of compatibility. It blocks. Takes as long as indexing.',
    find: contractMismatches,
  },
  'drifted-model': {
    signal: 'model-inputs',
    about:
      'Fires on a model one of whose input or score distributions has a population stability index above 0.25. Takes as long as training.',
    find: driftedModels,
  },
  'recall-loss': {
    signal: 'model-quality',
    about: 'Fires when recall on fixed queries is more than 0.02 below that at release. Takes as long as training.',
    find: recallLosses,
  },
  'stale-model': {
    signal: 'model-quality',
    about: 'Fires on a model trained longer ago than its `days_max`, or a year.',
    find: staleModels,
  },
  'serving-skew': {
    signal: 'serving-skew',
    about: 'Fires on a step, such as the tokeniser, whose hash in serving is not that of training. Takes four hours.',
    find: servingSkews,
  },
  'undeclared-consumer': {
    signal: 'data-dependencies',
    about: 'Fires on a consumer of a data set, model or index that was observed and is not declared. Takes half an hour.',
    find: ofNamed('consumer', ({ symbol }) => ({
      title: `${symbol} reads it, and is not declared as a consumer`,
      remedy: 'declare the consumer and announce changes to it, or remove its access',
      minutes: 30,
      interest: evenSpread(5),
    })),
  },
  'unused-input': {
    signal: 'data-dependencies',
    about: 'Fires on a data set that is produced and read by nothing. Takes half an hour.',
    find: ofNamed('unused-input', () => ({
      title: 'is produced, and nothing reads it',
      remedy: 'stop producing it',
      minutes: 30,
      interest: evenSpread(5),
    })),
  },
  'feedback-loop': {
    signal: 'data-dependencies',
    about: 'Fires on a data set that is made from answers of a model trained on it. Takes four hours.',
    find: ofNamed('feedback-loop', (fact) => ({
      title: `is made from what was answered by a model trained on it: ${textDetailOf(fact, 'through')}`,
      remedy: 'keep a share of data that no model has touched, and train or at least measure on it',
      minutes: 240,
      interest: evenSpread(15),
    })),
  },
  'ml-test-missing': {
    signal: 'ml-tests',
    about:
      'Fires on a section of the ML Test Score (Breck et al., 2017) with fewer points than the tier asks for: 3, 2 or 1. Takes an hour a point.',
    find: missingMlTests,
  },
} as const satisfies Partial<Record<DebtRule, Rule>>;
