import type { SyntaxNode, SyntaxNodeRef } from '@lezer/common';
import { parser } from '@lezer/python';

import type { ParsedSource, SourceClass, SourceImport } from './analysed-source.ts';
import { distinctNames, lineCounter } from './analysed-source.ts';
import { CognitiveComplexity } from './cognitive-complexity.ts';

const STRUCTURES = new Set(['IfStatement', 'ForStatement', 'WhileStatement', 'MatchStatement', 'ConditionalExpression']);
const DEFINITIONS = new Set(['FunctionDefinition', 'ClassDefinition', 'AssignStatement']);
const BODIES = new Set(['FunctionDefinition', 'ClassDefinition']);
const EXITS = new Set(['ReturnStatement', 'RaiseStatement', 'ContinueStatement']);
/** A `try` is no branch; each `except` is one. */
const BRANCH_KEYWORDS = new Set(['elif', 'else']);
const TYPE_VARIABLE = /=\s*(t\.|typing\.|te\.|typing_extensions\.)?(TypeVar|ParamSpec|TypeVarTuple)\(/;
const OVERLOAD = /^@\s*(\w+\.)?overload\b/;
/** Without a code: every error of the line is hidden, and not one that was judged. */
const IGNORED_TYPE = /#\s*type:\s*ignore\b(?!\s*\[)/;
/** One quantifier for all that names the module: several in a row take time to the power of their number over many spaces. */
const FROM_IMPORT = /^\s*from\b(.*?)\bimport\b(.*)$/s;
/** So many nodes that no parser made sense of, for each thousand: another language, or Python 2. */
const ERRORS_PER_THOUSAND_MAX = 2;

/** Python by Lezer. Undefined: it does not parse. */
export function parsePython(text: string): ParsedSource | undefined {
  const walk = new Walk(text);
  parser.parse(text).iterate({ enter: (node) => walk.enter(node), leave: (node) => walk.leave(node) });
  if (walk.errors * 1_000 > walk.nodes * ERRORS_PER_THOUSAND_MAX) return undefined;
  return {
    comments: walk.comments,
    declarations: walk.declarations,
    functions: walk.complexity.functions,
    classes: walk.classes,
    imports: walk.imports.map((one, i) => (walk.isLastImport(i) ? { ...one, isRun: false, isAtLoad: false } : one)),
    defined: walk.defined,
    typeHoles: walk.ignoredTypes === 0 ? {} : { 'type: ignore': walk.ignoredTypes },
  };
}

const listed = (list: string): string[] => list.split(',').flatMap((one) => one.trim().split(/\s+/)[0] || []);

/** Whether all that an `if` does is to leave. */
function isGuard(node: SyntaxNode): boolean {
  const [body, ...others] = node.getChildren('Body');
  if (node.name !== 'IfStatement' || body === undefined || others.length > 0) return false;
  const only = body.firstChild?.nextSibling;
  return only !== null && only !== undefined && only.nextSibling === null && EXITS.has(only.name);
}

class Walk {
  readonly complexity = new CognitiveComplexity();
  readonly comments: (readonly [number, number])[] = [];
  readonly imports: SourceImport[] = [];
  readonly classes: SourceClass[] = [];
  readonly defined: string[] = [];
  readonly declarations: (readonly [number, number])[] = [];
  ignoredTypes = 0;
  nodes = 0;
  errors = 0;
  readonly #text: string;
  readonly #lineOf: (position: number) => number;
  readonly #lastLineOf: (position: number) => number;
  readonly #distinct = distinctNames();
  readonly #classes: string[] = [];
  #functions = 0;
  /** Imports before the end of the last function or class of the module. */
  #earlyImports = Infinity;
  /** Blocks that only type checkers run. */
  #typeChecking = 0;

  constructor(text: string) {
    this.#text = text;
    this.#lineOf = lineCounter(text);
    this.#lastLineOf = lineCounter(text);
  }

  /** Whether an import stands below all functions and classes, which others can use by then. [D24] */
  isLastImport(at: number): boolean {
    return at >= this.#earlyImports;
  }

  enter(node: SyntaxNodeRef): void {
    this.nodes += 1;
    if (node.type.isError) this.errors += 1;
    this.#readDeclaration(node);
    if (node.name === 'FunctionDefinition') this.#enterFunction(node.node);
    else if (node.name === 'ClassDefinition') this.#enterClass(node.node);
    else if (STRUCTURES.has(node.name)) this.#enterStructure(node);
    else if (node.name === 'except') this.#branch();
    else if (BRANCH_KEYWORDS.has(node.name) && node.node.parent?.name !== 'ConditionalExpression') this.complexity.single();
    else if (node.name === 'BinaryExpression') this.#enterOperator(node.node);
    else if (node.name === 'ImportStatement') this.#readImport(node.node);
    else if (node.name === 'Comment') this.#readComment(node);
    else if (node.name === 'ExpressionStatement' && node.node.firstChild?.name === 'String') this.comments.push([node.from, node.to]);
  }

  leave({ name, node }: SyntaxNodeRef): void {
    if (name === 'FunctionDefinition') {
      this.complexity.leaveFunction();
      this.#functions -= 1;
    } else if (name === 'ClassDefinition') this.#classes.pop();
    else if (STRUCTURES.has(name)) {
      this.complexity.nest(-1);
      if (this.#isTypeChecking(node)) this.#typeChecking -= 1;
    }
    if (BODIES.has(name) && this.#isAtTop) this.#earlyImports = this.imports.length;
  }

  get #isAtTop(): boolean {
    return this.#functions === 0 && this.#classes.length === 0;
  }

  #enterFunction(node: SyntaxNode): void {
    const name = this.#nameOf(node);
    const owner = this.#functions === 0 ? this.#classes.at(-1) : undefined;
    const distinct = this.#distinct(owner === undefined ? name : `${owner}.${name}`);
    this.complexity.enterFunction(distinct, this.#lineOf(node.from), this.#lastLineOf(this.#endOf(node)));
    this.#functions += 1;
  }

  #enterClass(node: SyntaxNode): void {
    const name = this.#nameOf(node);
    this.#classes.push(name);
    this.classes.push({ name, line: this.#lineOf(node.from), lastLine: this.#lastLineOf(this.#endOf(node)) });
  }

  #enterStructure(node: SyntaxNodeRef): void {
    if (!(this.complexity.isAtTop && isGuard(node.node))) this.complexity.structure();
    this.complexity.nest(1);
    if (this.#isTypeChecking(node.node)) this.#typeChecking += 1;
  }

  #branch(): void {
    this.complexity.structure();
  }

  #readDeclaration(node: SyntaxNodeRef): void {
    // What stands before the first import, such as a version, is there for every module that this imports.
    if (DEFINITIONS.has(node.name) && this.#isAtTop && this.imports.length > 0) this.defined.push(this.#nameOf(node.node));
    if (node.name === 'Decorator') this.#declare(node);
    else if (node.name === 'ParamList') this.#declareParameters(node.node);
    else if (node.name === 'AssignStatement' && node.node.getChild('AssignOp') === null) this.#declare(node);
    else if (node.name === 'AssignStatement' && TYPE_VARIABLE.test(this.#slice(node.from, node.to))) this.#declare(node);
    else if (node.name === 'DecoratedStatement' && OVERLOAD.test(this.#slice(node.from, node.to))) this.#declare(node);
  }

  #declare({ from, to }: { readonly from: number; readonly to: number }): void {
    this.declarations.push([from, this.#endOf({ from, to })]);
  }

  /** A statement with a body ends after its last line. */
  #endOf({ from, to }: { readonly from: number; readonly to: number }): number {
    return from + this.#slice(from, to).trimEnd().length;
  }

  /** Parameters on lines of their own; one that begins with the function's name is more than a list of them. */
  #declareParameters({ from, to }: SyntaxNode): void {
    const lineEnd = this.#text.indexOf('\n', from);
    if (lineEnd !== -1 && lineEnd < to) this.#declare({ from: lineEnd + 1, to });
  }

  /** A sequence of one boolean operator counts once. */
  #enterOperator(node: SyntaxNode): void {
    const operator = (node.getChild('and') ?? node.getChild('or'))?.name;
    if (operator === undefined) return;
    const above = node.parent?.name === 'BinaryExpression' ? node.parent : null;
    if (above === null || above.getChild(operator) === null) this.complexity.single();
  }

  #readComment({ from, to }: SyntaxNodeRef): void {
    this.comments.push([from, to]);
    if (IGNORED_TYPE.test(this.#slice(from, to))) this.ignoredTypes += 1;
  }

  /** `import a.b as c, d` and `from ..a import (b as c, d)`. */
  #readImport(node: SyntaxNode): void {
    this.#declare(node);
    const isRun = this.#functions === 0 && this.#typeChecking === 0;
    const text = this.#slice(node.from, node.to).replaceAll(/#[^\n]*|[\\()\n]/g, ' ');
    const of = FROM_IMPORT.exec(text);
    if (of !== null) this.imports.push({ from: (of[1] ?? '').replaceAll(/\s/g, ''), names: listed(of[2] ?? ''), isRun, isAtLoad: isRun });
    else for (const from of listed(text.replace(/^\s*import\s+/, ''))) this.imports.push({ from, names: [], isRun, isAtLoad: false });
  }

  #isTypeChecking(node: SyntaxNode): boolean {
    if (node.name !== 'IfStatement') return false;
    const body = node.getChild('Body');
    return body !== null && /\bTYPE_CHECKING\b/.test(this.#slice(node.from, body.from));
  }

  #nameOf(node: SyntaxNode): string {
    const name = node.getChild('VariableName');
    return name === null ? 'anonymous' : this.#slice(name.from, name.to);
  }

  #slice(from: number, to: number): string {
    return this.#text.slice(from, to);
  }
}
