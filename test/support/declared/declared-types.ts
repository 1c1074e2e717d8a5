import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A type as a declaration file has it, as far as its values can be written in JSON. */
export type DeclaredType =
  | { readonly kind: 'string' | 'other' | 'unknown' }
  | { readonly kind: 'literal'; readonly value: string }
  | { readonly kind: 'array'; readonly of: DeclaredType }
  | { readonly kind: 'union'; readonly of: readonly DeclaredType[] }
  | { readonly kind: 'ref'; readonly name: string; readonly scope: readonly string[] }
  | DeclaredObject;

interface DeclaredObject {
  readonly kind: 'object';
  readonly extends: readonly DeclaredType[];
  readonly members: readonly { readonly name: string; readonly type: DeclaredType }[];
  /** Of any further member. */
  readonly index?: DeclaredType;
}

const TOKEN = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[\w$]+|=>|[^\s]/g;

/** The types of declaration files that generators write: interfaces, unions, arrays and literals, in namespaces. */
export class DeclaredTypes {
  readonly #types = new Map<string, DeclaredType>();
  #tokens: string[] = [];
  #at = 0;

  /** `modules`: such as `openai/resources/shared.d.ts`. */
  constructor(modules: readonly string[]) {
    for (const name of modules) this.#read(readFileSync(fileURLToPath(new URL(`../../../node_modules/${name}`, import.meta.url)), 'utf8'));
  }

  /** Undefined: no file declares it. Aliases of modules are not told apart: their names are unique. */
  find(name: string, scope: readonly string[] = []): DeclaredType | undefined {
    for (let depth = scope.length; depth >= 0; depth -= 1) {
      const found = this.#types.get([...scope.slice(0, depth), name].join('.'));
      if (found !== undefined) return found;
    }
    const [, ...rest] = name.split('.');
    return rest.length === 0 ? undefined : this.find(rest.join('.'));
  }

  #read(source: string): void {
    this.#tokens = source.replaceAll(/\/\*[\s\S]*?\*\/|^\/\/.*$/gm, '').match(TOKEN) ?? [];
    this.#at = 0;
    while (this.#at < this.#tokens.length) this.#statement([]);
  }

  #statement(scope: readonly string[]): void {
    while (this.#takes('export') || this.#takes('declare'));
    if (this.#takes('interface')) return this.#interface(scope);
    if (this.#takes('type')) return this.#alias(scope);
    if (this.#takes('namespace')) return this.#namespace(scope);
    this.#skipStatement();
  }

  #interface(scope: readonly string[]): void {
    const name = this.#next();
    this.#skipAngles();
    const bases: DeclaredType[] = [];
    if (this.#takes('extends'))
      do bases.push(this.#type(scope));
      while (this.#takes(','));
    this.#declare(scope, name, { ...this.#object(scope), extends: bases });
  }

  #alias(scope: readonly string[]): void {
    const name = this.#next();
    this.#skipAngles();
    if (!this.#takes('=')) return this.#skipStatement();
    this.#declare(scope, name, this.#type(scope));
    this.#takes(';');
  }

  #namespace(scope: readonly string[]): void {
    const inner = [...scope, this.#next()];
    this.#takes('{');
    while (!this.#takes('}')) this.#statement(inner);
  }

  #declare(scope: readonly string[], name: string, type: DeclaredType): void {
    this.#types.set([...scope, name].join('.'), type);
  }

  #type(scope: readonly string[]): DeclaredType {
    this.#takes('|');
    const of = [this.#intersection(scope)];
    while (this.#takes('|')) of.push(this.#intersection(scope));
    return of.length === 1 && of[0] !== undefined ? of[0] : { kind: 'union', of };
  }

  /** Such as `string & {}`, where the first says all. */
  #intersection(scope: readonly string[]): DeclaredType {
    const first = this.#primary(scope);
    while (this.#takes('&')) this.#primary(scope);
    return first;
  }

  #primary(scope: readonly string[]): DeclaredType {
    let type = this.#atom(scope);
    while (this.#peek() === '[' && this.#tokens[this.#at + 1] === ']') {
      this.#at += 2;
      type = { kind: 'array', of: type };
    }
    return type;
  }

  #atom(scope: readonly string[]): DeclaredType {
    if (this.#peek() === '{') return this.#object(scope);
    const token = this.#next();
    if (token === '(') {
      const inner = this.#type(scope);
      this.#takes(')');
      return inner;
    }
    if (/^['"]/.test(token)) return { kind: 'literal', value: token.slice(1, -1) };
    if (token === 'string') return { kind: 'string' };
    if (token === 'unknown' || token === 'any') return { kind: 'unknown' };
    if (/^(?:number|boolean|null|undefined|true|false|never|\d.*|-)$/.test(token)) return { kind: 'other' };
    return this.#reference(token, scope);
  }

  #reference(first: string, scope: readonly string[]): DeclaredType {
    const path = [first];
    while (this.#takes('.')) path.push(this.#next());
    const args: DeclaredType[] = [];
    if (this.#takes('<')) {
      do args.push(this.#type(scope));
      while (this.#takes(','));
      this.#takes('>');
    }
    const name = path.join('.');
    if (name === 'Array' || name === 'ReadonlyArray') return { kind: 'array', of: args[0] ?? { kind: 'unknown' } };
    return { kind: 'ref', name, scope };
  }

  #object(scope: readonly string[]): DeclaredObject {
    this.#takes('{');
    const members: { name: string; type: DeclaredType }[] = [];
    let index: DeclaredType | undefined;
    while (!this.#takes('}')) {
      this.#takes('readonly');
      if (this.#takes('[')) {
        while (!this.#takes(']')) this.#next();
        this.#takes(':');
        index = this.#type(scope);
      } else {
        const name = this.#next().replaceAll(/^['"]|['"]$/g, '');
        this.#takes('?');
        this.#takes(':');
        members.push({ name, type: this.#type(scope) });
      }
      this.#takes(';');
    }
    return { kind: 'object', extends: [], members, ...(index && { index }) };
  }

  /** What declares no value of JSON: to its semicolon, or to the end of its braces. */
  #skipStatement(): void {
    for (let depth = 0; this.#at < this.#tokens.length;) {
      const token = this.#next();
      if (token === '{') depth += 1;
      if (token === '}') depth -= 1;
      if (depth === 0 && (token === ';' || (token === '}' && this.#peek() !== 'from' && this.#peek() !== ';'))) return;
    }
  }

  #skipAngles(): void {
    if (this.#peek() !== '<') return;
    let depth = 0;
    do {
      const token = this.#next();
      depth += token === '<' ? 1 : token === '>' ? -1 : 0;
    } while (depth > 0);
  }

  #peek(): string | undefined {
    return this.#tokens[this.#at];
  }

  #next(): string {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new Error('a declaration ends in its middle');
    this.#at += 1;
    return token;
  }

  #takes(token: string): boolean {
    const isIt = this.#peek() === token;
    if (isIt) this.#at += 1;
    return isIt;
  }
}
