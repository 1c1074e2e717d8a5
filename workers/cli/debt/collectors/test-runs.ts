import { XMLParser } from 'fast-xml-parser';
import { basename } from 'node:path';
import * as z from 'zod';

import { wilsonUpper } from '../../../../src/kernel/wilson.ts';
import type { Collector } from './collection.ts';
import { FactWriter, sha256Of } from './collection.ts';
import type { InputFile } from './input-files.ts';
import { inputFiles, jsonOf } from './input-files.ts';

interface TestResult {
  readonly file: string;
  readonly name: string;
  readonly hasPassed: boolean;
}

interface History {
  readonly byCommit: Map<string, { passed: number; failed: number }>;
  runs: number;
}

const WEEK_S = 7 * 86_400;
/** Of vitest and Jest. */
const jsonReport = z.object({
  testResults: z.array(z.object({ name: z.string(), assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })) })),
});

/** Tests that failed and passed at one commit, from reports whose names hold the commit. */
export const testRuns: Collector = async (collection) => {
  const inputs = await inputFiles(collection, collection.policy.inputs.test_runs);
  if (inputs.length === 0) return [];
  const writer = new FactWriter(collection, { tool: 'test reports', tool_version: '1' });
  const histories = new Map<string, History>();
  let undated = 0;
  for (const input of inputs) {
    const commit = /[0-9a-f]{7,64}/.exec(basename(input.file))?.[0];
    if (commit === undefined) undated += 1;
    else for (const result of resultsOf(input, collection.repository.root)) addResult(histories, result, commit);
  }
  const all = { file: collection.policy.inputs.test_runs.join(' '), sha256: sha256Of(inputs.map(({ sha256 }) => sha256).join('\n')) };
  const times = inputs.map(({ writtenAtS }) => writtenAtS).sort((a, b) => a - b);
  const weeks = Math.max(1, ((times.at(-1) ?? 0) - (times[0] ?? 0)) / WEEK_S);
  for (const [key, { byCommit, runs }] of histories) {
    const flaky = [...byCommit.values()].filter(({ passed, failed }) => passed > 0 && failed > 0).length;
    if (flaky === 0) continue;
    const [file = '', name = ''] = JSON.parse(key) as string[];
    const detail = { runs, share_upper: wilsonUpper(flaky, runs), runs_per_week: runs / weeks };
    writer.write('flaky-test', file, flaky, all, { symbol: name, detail });
  }
  writer.census('tests', histories.size, all, { reports: inputs.length, reports_without_commit: undated });
  return writer.facts;
};

function addResult(histories: Map<string, History>, { file, name, hasPassed }: TestResult, commit: string): void {
  const key = JSON.stringify([file, name]);
  const history = histories.get(key) ?? { byCommit: new Map<string, { passed: number; failed: number }>(), runs: 0 };
  const counts = history.byCommit.get(commit) ?? { passed: 0, failed: 0 };
  if (hasPassed) counts.passed += 1;
  else counts.failed += 1;
  history.byCommit.set(commit, counts);
  history.runs += 1;
  histories.set(key, history);
}

function resultsOf(input: InputFile, root: string): TestResult[] {
  if (!input.file.endsWith('.json')) return junitResults(input.text);
  return jsonOf(input, jsonReport).testResults.flatMap(({ name: path, assertionResults }) => {
    const file = path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
    const run = assertionResults.filter(({ status }) => status === 'passed' || status === 'failed');
    return run.map(({ fullName, status }) => ({ file, name: fullName, hasPassed: status === 'passed' }));
  });
}

/** Test cases wherever they stand: suites are nested as tools like. */
function junitResults(text: string): TestResult[] {
  const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '@', isArray: (name) => name === 'testcase' });
  const results: TestResult[] = [];
  const walk = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(walk);
    else if (typeof node === 'object' && node !== null) {
      for (const [name, child] of Object.entries(node)) {
        if (name !== 'testcase') walk(child);
        else for (const one of child as Record<string, unknown>[]) results.push(...junitResult(one));
      }
    }
  };
  walk(parser.parse(text));
  return results;
}

function junitResult(one: Record<string, unknown>): TestResult[] {
  if ('skipped' in one) return [];
  const file = attribute(one, 'file') || attribute(one, 'classname') || 'tests';
  return [{ file, name: attribute(one, 'name'), hasPassed: !('failure' in one || 'error' in one) }];
}

const attribute = (node: Record<string, unknown>, name: string): string => {
  const value = node[`@${name}`];
  return typeof value === 'string' ? value : '';
};
