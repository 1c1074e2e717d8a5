import type { Node } from 'oxc-parser';
import { parseSync, visitorKeys } from 'oxc-parser';

import type { ParsedSource, SourceClass, SourceImport } from './analysed-source.ts';
import { distinctNames, lineCounter } from './analysed-source.ts';
import { CognitiveComplexity } from './cognitive-complexity.ts';

const LOOPS = new Set(['ForStatement', 'ForInStatement', 'ForOfStatement', 'WhileStatement', 'DoWhileStatement']);
const EXITS = new Set(['ReturnStatement', 'ThrowStatement', 'ContinueStatement']);
const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);
/** What only declares: types, and functions, methods and calls without a body, such as overloads. */
const DECLARATIONS = new Set([
  'TSTypeAliasDeclaration',
  'TSInterfaceDeclaration',
  'TSTypeParameterDeclaration',
  'TSTypeParameterInstantiation',
  'TSDeclareFunction',
  'TSEmptyBodyFunctionExpression',
  'TSAbstractMethodDefinition',
  'TSMethodSignature',
  'TSCallSignatureDeclaration',
  'TSConstructSignatureDeclaration',
]);
/** With what follows on the line, where a reason would be. */
const SUPPRESSION = /(@ts-(?:ignore|nocheck|expect-error))\b(.*)/;
const REASON = /[a-z]{3}/i;
const CASTS = new Set(['TSAsExpression', 'TSTypeAssertion']);
/** What states the type of a value, and arrays of it. */
const ANNOTATIONS = new Set(['TSTypeAnnotation', 'TSArrayType']);
/** Where names are those of types, or of exports: nothing is read there while a file loads. */
const UNREAD = new Set([
  'TSTypeAnnotation',
  'TSTypeReference',
  'TSTypeQuery',
  'TSTypeAliasDeclaration',
  'TSInterfaceDeclaration',
  'TSTypeParameterInstantiation',
  'ImportDeclaration',
  'ExportSpecifier',
]);
/** Types of types: `any` in them constrains nothing that runs. */
const TYPE_LEVEL = new Set(['TSTypeParameterDeclaration', 'TSTypeParameterInstantiation', 'TSConditionalType']);

/** TypeScript and JavaScript by oxc. Undefined: it does not parse, or is nested deeper than it can be walked. */
export function parseScript(path: string, text: string): ParsedSource | undefined {
  try {
    return read(path, text);
  } catch (error) {
    // A chain of thousands of operators or branches is a tree as deep.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function read(path: string, text: string): ParsedSource | undefined {
  const { program, module, comments, errors } = parseSync(path, text);
  if (errors.length > 0) return undefined;
  const walk = new Walk(text);
  walk.visit(program, undefined);
  const holes: Record<string, number> = { ...walk.typeHoles };
  for (const { value } of comments) {
    const [, suppressed, rest = ''] = SUPPRESSION.exec(value) ?? [];
    if (suppressed !== undefined && !REASON.test(rest)) holes[suppressed] = (holes[suppressed] ?? 0) + 1;
  }
  const imports: SourceImport[] = [
    ...module.staticImports.map(({ moduleRequest, entries }) => ({
      from: moduleRequest.value,
      names: [],
      isRun: entries.length === 0 || entries.some(({ isType }) => !isType),
      isAtLoad: entries.some(({ localName }) => walk.readAtLoad.has(localName.value)),
    })),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ moduleRequest, isType }) =>
        moduleRequest === null || moduleRequest === undefined
          ? []
          : [{ from: moduleRequest.value, names: [], isRun: !isType, isAtLoad: false }],
      ),
    ),
    ...walk.imported.map((from) => ({ from, names: [], isRun: false, isAtLoad: false })),
  ];
  return {
    comments: comments.map(({ start, end }) => [start, end] as const),
    declarations: [...module.staticImports.map(({ start, end }) => [start, end] as const), ...walk.declarations],
    functions: walk.complexity.functions,
    classes: walk.classes,
    imports,
    defined: [],
    typeHoles: holes,
  };
}

type AnyNode = Node & Readonly<Record<string, unknown>>;

const isNode = (value: unknown): value is AnyNode => typeof value === 'object' && value !== null && 'type' in value;

/** The name of an identifier, key or literal. */
function nameOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === 'MemberExpression') return nameOf(node['property']);
  if (node.type === 'PrivateIdentifier') return `#${node['name']}`;
  const { name, value } = node as { readonly name?: unknown; readonly value?: unknown };
  if (typeof name === 'string') return name;
  return typeof value === 'string' ? value : undefined;
}

/** What a function is assigned to. */
const keyOf = (parent: AnyNode | undefined): string | undefined =>
  nameOf(parent?.['key']) ?? nameOf(parent?.['id']) ?? nameOf(parent?.['left']);

/** What `import('x')` or CommonJS's `require('x')` names. */
function importedBy(node: AnyNode): string | undefined {
  if (node.type === 'ImportExpression') return nameOf(node['source']);
  if (node.type !== 'CallExpression' || !isNode(node['callee']) || node['callee'].type !== 'Identifier') return undefined;
  const [only] = Array.isArray(node['arguments']) ? node['arguments'].filter(isNode) : [];
  return nameOf(node['callee']) === 'require' && only?.type === 'Literal' ? nameOf(only) : undefined;
}

/** Whether all that an `if` does is to leave. */
function isGuard({ consequent, alternate }: AnyNode): boolean {
  if (isNode(alternate) || !isNode(consequent)) return false;
  const body = consequent['body'];
  const [only, ...rest] = consequent.type === 'BlockStatement' && Array.isArray(body) ? body.filter(isNode) : [consequent];
  return only !== undefined && rest.length === 0 && EXITS.has(only.type);
}

/** Whether nothing runs there; a property without a value is a type. */
const isDeclaration = (node: AnyNode): boolean =>
  DECLARATIONS.has(node.type) || (node.type === 'PropertyDefinition' && node.value === null);

/** Whether names in it are not read while the file loads. */
const runsLater = (node: AnyNode): boolean =>
  FUNCTIONS.has(node.type) || UNREAD.has(node.type) || (node.type === 'PropertyDefinition' && !node.static);

/** Whether an identifier names a member, and reads nothing. */
const isPlainKey = (node: AnyNode, parent: AnyNode | undefined): boolean =>
  parent?.['computed'] !== true && (parent?.['property'] === node || (parent?.['key'] === node && parent['shorthand'] !== true));

class Walk {
  readonly complexity = new CognitiveComplexity();
  readonly typeHoles: Record<string, number> = {};
  readonly imported: string[] = [];
  readonly classes: SourceClass[] = [];
  readonly declarations: (readonly [number, number])[] = [];
  readonly #distinct = distinctNames();
  readonly #text: string;
  readonly #lineOf: (position: number) => number;
  readonly #lastLineOf: (position: number) => number;
  readonly #classes: string[] = [];
  #typeLevels = 0;
  /** Functions, and what else runs later, around what is walked. */
  #laterLevels = 0;
  /** Names that are read while the file loads. */
  readonly readAtLoad = new Set<string>();

  constructor(text: string) {
    this.#text = text;
    this.#lineOf = lineCounter(text);
    this.#lastLineOf = lineCounter(text);
  }

  visit(node: AnyNode | Node, parent: AnyNode | undefined): void {
    const here = node as AnyNode;
    const [isTypeLevel, isLater] = [TYPE_LEVEL.has(here.type), runsLater(here)];
    if (isTypeLevel) this.#typeLevels += 1;
    if (isLater) this.#laterLevels += 1;
    if (here.type === 'Identifier' && this.#laterLevels === 0 && !isPlainKey(here, parent)) this.readAtLoad.add(here.name);
    this.#visitNode(here, parent);
    if (isTypeLevel) this.#typeLevels -= 1;
    if (isLater) this.#laterLevels -= 1;
  }

  #visitNode(here: AnyNode, parent: AnyNode | undefined): void {
    this.#countHole(here, parent);
    if (isDeclaration(here)) this.declarations.push([here.start, here.end]);
    if (FUNCTIONS.has(here.type)) this.#visitFunction(here, parent);
    else if (here.type === 'ClassDeclaration' || here.type === 'ClassExpression') {
      const name = nameOf(here['id']) ?? nameOf(parent?.['id']) ?? 'class';
      this.#classes.push(name);
      this.classes.push({ name, line: this.#lineOf(here.start), lastLine: this.#lastLineOf(here.end) });
      this.#visitAll(here);
      this.#classes.pop();
    } else if (here.type === 'IfStatement') this.#visitIf(here, false);
    else if (LOOPS.has(here.type) || here.type === 'CatchClause' || here.type === 'SwitchStatement') this.#visitStructure(here);
    else if (here.type === 'ConditionalExpression') this.#visitStructure(here);
    else {
      if (this.#isNewSequence(here, parent)) this.complexity.single();
      this.#visitAll(here);
    }
  }

  #visitAll(node: AnyNode, except?: string): void {
    for (const key of visitorKeys[node.type] ?? []) {
      if (key === except) continue;
      const child = node[key];
      if (Array.isArray(child)) {
        for (const one of child) if (isNode(one)) this.visit(one, node);
      } else if (isNode(child)) this.visit(child, node);
    }
  }

  #visitStructure(node: AnyNode): void {
    this.complexity.structure();
    this.complexity.nest(1);
    this.#visitAll(node);
    this.complexity.nest(-1);
  }

  /** `else if` is a branch of its own, not one that is nested. */
  #visitIf(node: AnyNode, isElse: boolean): void {
    if (isElse) this.complexity.single();
    else if (!(this.complexity.isAtTop && isGuard(node))) this.complexity.structure();
    if (isNode(node['test'])) this.visit(node['test'], node);
    this.complexity.nest(1);
    if (isNode(node['consequent'])) this.visit(node['consequent'], node);
    this.complexity.nest(-1);
    const otherwise = node['alternate'];
    if (!isNode(otherwise)) return;
    if (otherwise.type === 'IfStatement') {
      this.#visitIf(otherwise, true);
      return;
    }
    this.complexity.single();
    this.complexity.nest(1);
    this.visit(otherwise, node);
    this.complexity.nest(-1);
  }

  /** A sequence of one boolean operator counts once; `a && b && c` is one, `a && b || c` two. A jump to a label counts, too. */
  #isNewSequence(node: AnyNode, parent: AnyNode | undefined): boolean {
    if (node.type === 'BreakStatement' || node.type === 'ContinueStatement') return isNode(node['label']);
    if (node.type !== 'LogicalExpression' || node['operator'] === '??') return false;
    return !(parent?.type === 'LogicalExpression' && parent['operator'] === node['operator']);
  }

  #visitFunction(node: AnyNode, parent: AnyNode | undefined): void {
    const name = this.#distinct(this.#functionName(node, parent));
    this.complexity.enterFunction(name, this.#lineOf(node.start), this.#lastLineOf(node.end));
    this.#declareParameters(node['params']);
    this.#visitAll(node);
    this.complexity.leaveFunction();
  }

  /** Parameters on lines of their own; one that begins with the function's name is more than a list of them. */
  #declareParameters(parameters: unknown): void {
    const nodes = Array.isArray(parameters) ? parameters.filter(isNode) : [];
    const [first, last] = [nodes[0], nodes.at(-1)];
    if (
      first === undefined ||
      last === undefined ||
      !/^\s*$/.test(this.#text.slice(this.#text.lastIndexOf('\n', first.start) + 1, first.start))
    )
      return;
    this.declarations.push([first.start, last.end]);
  }

  #functionName(node: AnyNode, parent: AnyNode | undefined): string {
    const named = nameOf(node['id']) ?? keyOf(parent);
    if (parent?.type === 'MethodDefinition' || parent?.type === 'PropertyDefinition') {
      return `${this.#classes.at(-1) ?? 'class'}.${named ?? 'computed'}`;
    }
    if (named !== undefined) return named;
    const callee = parent?.type === 'CallExpression' || parent?.type === 'NewExpression' ? nameOf(parent['callee']) : undefined;
    return callee === undefined ? 'anonymous' : `function given to ${callee}`;
  }

  #countHole(node: AnyNode, parent: AnyNode | undefined): void {
    if (node.type === 'TSAnyKeyword') this.#countAny(parent);
    const source = importedBy(node);
    if (source !== undefined) this.imported.push(source);
  }

  /** `any` as the type of a value: one that is cast, or a parameter, variable, property or result. [D21] */
  #countAny(parent: AnyNode | undefined): void {
    if (CASTS.has(parent?.type ?? '')) this.#hole('as any');
    else if (this.#typeLevels === 0 && ANNOTATIONS.has(parent?.type ?? '')) this.#hole('any');
  }

  #hole(kind: string): void {
    this.typeHoles[kind] = (this.typeHoles[kind] ?? 0) + 1;
  }
}
