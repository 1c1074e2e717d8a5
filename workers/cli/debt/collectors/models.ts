import type * as z from 'zod';

import { debtMlTests, debtModels, debtServiceLevels } from '../../../../src/contract/debt/debt-inputs.ts';
import { cyclesOf } from '../../../../src/debt/evidence/import-cycles.ts';
import { populationStability } from '../../../../src/debt/evidence/population-stability.ts';
import { ML_TEST_CHECKS } from '../../../../src/debt/ml-test-score.ts';
import { Failure } from '../../command/command.ts';
import type { Collector } from './collection.ts';
import { FactWriter, OWN_TOOL } from './collection.ts';
import type { InputFile } from './input-files.ts';
import { inputFiles, jsonOf } from './input-files.ts';

const DAY_S = 86_400;
/** What runs changes from day to day. */
const RUNNING_TTL_S = 7 * DAY_S;

type Models = z.output<typeof debtModels>;

/** Models, indexes and data sets, as training and serving report them. */
export const models: Collector = async (collection) => {
  const inputs = await inputFiles(collection, collection.policy.inputs.models);
  return inputs.flatMap((input) => {
    const known = jsonOf(input, debtModels);
    const writer = new FactWriter({ ...collection, nowS: known.collected_at }, OWN_TOOL, RUNNING_TTL_S);
    writeModels(writer, known, input);
    for (const { name, contract, served, reindex_minutes, proof } of known.indexes) {
      const detail = { served, ...(proof === undefined ? {} : { proof }), ...(reindex_minutes === undefined ? {} : { reindex_minutes }) };
      writer.write('embedding-contract', name, contract, input, { detail });
    }
    writeData(writer, known, input);
    const counts = {
      'model-inputs': known.models.filter(({ histograms }) => Object.keys(histograms).length > 0).length,
      'model-quality': known.models.filter(({ canary, trained_at }) => canary !== undefined || trained_at !== undefined).length,
      'serving-skew': known.models.filter(({ training }) => Object.keys(training).length > 0).length,
      'embedding-contracts': known.indexes.length,
      'data-dependencies': known.data.length,
    } as const;
    // Nothing stated is nothing known, not nothing wrong.
    for (const signal of Object.keys(counts) as (keyof typeof counts)[])
      if (counts[signal] > 0) writer.census(signal, counts[signal], input);
    return writer.facts;
  });
};

function writeModels(writer: FactWriter, { models: all, collected_at }: Models, input: InputFile): void {
  for (const { name, trained_at, days_max, retrain_minutes, training, serving, histograms, canary } of all) {
    const cost = retrain_minutes === undefined ? {} : { retrain_minutes };
    if (trained_at !== undefined) {
      const detail = { ...cost, ...(days_max === undefined ? {} : { days_max }) };
      writer.write('model-age', name, (collected_at - trained_at) / DAY_S, input, { detail });
    }
    if (canary !== undefined)
      writer.write('canary-recall', name, canary.recall, input, { detail: { ...cost, reference: canary.reference } });
    for (const [step, hash] of Object.entries(training)) {
      writer.write('training-contract', name, hash, input, { symbol: step, detail: { serving: serving[step] ?? '' } });
    }
    for (const [histogram, { reference, current }] of Object.entries(histograms)) {
      const shift = populationStability(reference, current);
      if (shift === undefined)
        throw new Failure(`${input.file}: the histogram ${histogram} of ${name} needs the same bins twice, neither empty`);
      writer.write('input-shift', name, shift, input, { symbol: histogram, detail: cost });
    }
  }
}

function writeData(writer: FactWriter, { data }: Models, input: InputFile): void {
  for (const { name, consumers, observed } of data) {
    for (const consumer of observed) {
      if (!consumers.includes(consumer)) writer.write('consumer', name, 1, input, { symbol: consumer });
    }
    const isRead = observed.length > 0 || consumers.length > 0 || data.some(({ made_from }) => made_from.includes(name));
    if (!isRead) writer.write('unused-input', name, 1, input);
  }
  for (const cycle of cyclesOf(new Map(data.map(({ name, made_from }) => [name, new Set(made_from)])))) {
    writer.write('feedback-loop', cycle[0] ?? '', cycle.length, input, { detail: { through: cycle.join(' ').slice(0, 1_000) } });
  }
}

/** The 28 checks of the ML Test Score: what is not stated, or whose evidence is not there, has no points. */
export const mlTests: Collector = async (collection) => {
  const inputs = await inputFiles(collection, collection.policy.inputs.ml_tests);
  const [first] = inputs;
  if (first === undefined) return [];
  const writer = new FactWriter(collection);
  const tracked = new Map(collection.sources.tracked.map(({ path, blob }) => [path, blob]));
  for (const input of inputs) {
    const { component, checks } = jsonOf(input, debtMlTests);
    const unknown = Object.keys(checks).find((check) => !ML_TEST_CHECKS.includes(check));
    if (unknown !== undefined) throw new Failure(`${input.file}: ${unknown} is no check; there are ${ML_TEST_CHECKS.join(', ')}`);
    for (const check of ML_TEST_CHECKS) {
      const stated = checks[check];
      const isShown = stated !== undefined && tracked.has(stated.evidence);
      const points = stated?.run === 'automated' ? 1 : 0.5;
      const detail = stated === undefined ? {} : { evidence: stated.evidence, evidence_is_there: isShown };
      writer.write('ml-test', component, isShown ? points : 0, input, { symbol: check, detail });
    }
  }
  writer.census('ml-tests', inputs.length, first);
  return writer.facts;
};

/** Bad events over those that objectives allow, and incidents. */
export const serviceLevels: Collector = async (collection) => {
  const inputs = await inputFiles(collection, collection.policy.inputs.service_levels);
  return inputs.flatMap((input) => {
    const { collected_at, objectives, incidents } = jsonOf(input, debtServiceLevels);
    const writer = new FactWriter({ ...collection, nowS: collected_at }, OWN_TOOL, RUNNING_TTL_S);
    for (const { component, name, objective, events, bad_events } of objectives) {
      const burn = bad_events / (events * (1 - objective));
      writer.write('budget-burn', component, burn, input, { symbol: name, detail: { events, bad_events, objective } });
    }
    for (const { component, id, text, minutes, is_fixed } of incidents) {
      writer.write('incident', component, minutes, input, { symbol: id, detail: { text, fixed: is_fixed } });
    }
    writer.census('service-levels', objectives.length + incidents.length, input);
    return writer.facts;
  });
};
