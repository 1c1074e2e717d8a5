import { shownName } from '../../contract/api/field-path.ts';
import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
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
  const names = new Set([...body.inputs, ...body.initialisers].map(({ name }) => name));
  for (const name of body.nodes.flatMap(({ outputs }) => outputs.filter((output) => output !== ''))) {
    if (names.has(name)) return refuse('invalid_value', `makes the value ${quoted(name)} twice`, at);
    names.add(name);
  }
  const scope: Scope = { names, outer };
  const missing = body.outputs.find(({ name }) => !knows(scope, name));
  if (missing !== undefined) return refuse('invalid_value', `answers the value ${quoted(missing.name)}, which nothing makes`, at);

  for (const node of body.nodes) {
    const unknown = usedBy(node).find((name) => !knows(scope, name));
    if (unknown !== undefined) return refuse('invalid_value', `uses the value ${quoted(unknown)}, which nothing makes`, at);
  }
  const order = orderOf(body);
  if (order.length < body.nodes.length) {
    const done = new Set(order);
    const { operator, outputs } = body.nodes.find((_, node) => !done.has(node))!;
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

/** The nodes of a body, each behind those whose values it needs. Nodes of a cycle, and what needs them, are left out. */
export function orderOf({ nodes }: OnnxBody): number[] {
  const makers = new Map(nodes.flatMap(({ outputs }, index) => outputs.map((name): [string, number] => [name, index])));
  const users = nodes.map((): number[] => []);
  const open = nodes.map((node, index) => {
    const from = usedBy(node).flatMap((name) => makers.get(name) ?? []);
    for (const maker of from) users[maker]!.push(index);
    return from.length;
  });
  const ready = open.flatMap((count, node) => (count === 0 ? [node] : []));
  for (let at = 0; at < ready.length; at += 1) {
    for (const user of users[ready[at]!]!) if ((open[user]! -= 1) === 0) ready.push(user);
  }
  return ready;
}
