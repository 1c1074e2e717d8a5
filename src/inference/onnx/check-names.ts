import { shownName } from '../../contract/field-path.ts';
import type { FieldPath } from '../../contract/field-path.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { OnnxBody, OnnxNode } from './onnx-graph.ts';

/** The values that a body may use: its own and those of the bodies around it. */
interface Scope {
  readonly names: ReadonlySet<string>;
  readonly outer: Scope | undefined;
}

const knows = (scope: Scope | undefined, name: string): boolean =>
  scope !== undefined && (scope.names.has(name) || knows(scope.outer, name));

/** Whether each value of a graph is made once, from values that do not need it themselves. [M52] */
export const checkNames = (graph: OnnxBody, at: FieldPath): Outcome<void> => checkBody(graph, undefined, at);

function checkBody(body: OnnxBody, outer: Scope | undefined, at: FieldPath): Outcome<void> {
  const given = new Set([...body.inputs, ...body.initialisers].map(({ name }) => name));
  const makers = new Map<string, number>();
  for (const [index, { outputs }] of body.nodes.entries()) {
    for (const name of outputs) {
      if (name === '') continue;
      if (given.has(name) || makers.has(name)) return refuse('invalid_value', `makes the value ${quoted(name)} twice`, at);
      makers.set(name, index);
    }
  }
  const scope: Scope = { names: new Set([...given, ...makers.keys()]), outer };
  const missing = body.outputs.find(({ name }) => !knows(scope, name));
  if (missing !== undefined) return refuse('invalid_value', `answers the value ${quoted(missing.name)}, which nothing makes`, at);

  const needs: string[][] = [];
  for (const node of body.nodes) {
    const used = usedBy(node);
    const unknown = used.find((name) => !knows(scope, name));
    if (unknown !== undefined) return refuse('invalid_value', `uses the value ${quoted(unknown)}, which nothing makes`, at);
    needs.push(used);
  }
  const looping = firstInCycle(needs, makers);
  if (looping !== undefined) {
    const { operator, outputs } = body.nodes[looping]!;
    return refuse('invalid_value', `has a cycle through the ${shownName(operator)} that makes ${quoted(outputs[0] ?? '')}`, at);
  }
  for (const branch of body.nodes.flatMap(({ branches }) => branches)) {
    const checked = checkBody(branch, scope, at);
    if (!checked.ok) return checked;
  }
  return ok(undefined);
}

const quoted = (name: string): string => JSON.stringify(shownName(name));

/** What a node needs of its own body: its inputs, and what its branches use and do not make. */
const usedBy = ({ inputs, branches }: OnnxNode): string[] => [...inputs.filter((name) => name !== ''), ...branches.flatMap(freeNames)];

function freeNames(body: OnnxBody): string[] {
  const own = new Set([...body.inputs, ...body.initialisers].map(({ name }) => name));
  for (const { outputs } of body.nodes) for (const name of outputs) own.add(name);
  return [...body.nodes.flatMap(usedBy), ...body.outputs.map(({ name }) => name)].filter((name) => !own.has(name));
}

/** The first node that is left when all that can be computed are taken away, one after the other. */
function firstInCycle(needs: readonly (readonly string[])[], makers: ReadonlyMap<string, number>): number | undefined {
  const users = needs.map((): number[] => []);
  const open = needs.map((names, node) => {
    const from = names.flatMap((name) => makers.get(name) ?? []);
    for (const maker of from) users[maker]!.push(node);
    return from.length;
  });
  const ready = open.flatMap((count, node) => (count === 0 ? [node] : []));
  for (let at = 0; at < ready.length; at += 1) {
    for (const user of users[ready[at]!]!) if ((open[user]! -= 1) === 0) ready.push(user);
  }
  const done = new Set(ready);
  return ready.length === needs.length ? undefined : needs.findIndex((_, node) => !done.has(node));
}
