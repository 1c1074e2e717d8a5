import { describe, expect, it } from 'vitest';
import { must } from '../../../../src/kernel/assert.ts';
import { analyseSource } from '../../../../workers/cli/debt/source/analyse-source.ts';
import { isForSpeed } from '../../../../workers/cli/debt/source/analysed-source.ts';
import { ImportGraph } from '../../../../workers/cli/debt/repository/import-graph.ts';
import { isBeside } from '../../../../src/debt/area.ts';
import { languageOf } from '../../../../workers/cli/debt/source/languages.ts';

const analysed = (path: string, text: string) => must(analyseSource(path, text, must(languageOf(path), 'it is source code')), 'it parses');
const complexity = (path: string, text: string): Record<string, number> =>
  Object.fromEntries(analysed(path, text).functions.map(({ name, cognitive }) => [name, cognitive]));

describe('cognitive complexity', () => {
  it('of TypeScript is that of the examples of its specification', () => {
    const sumOfPrimes = `function sumOfPrimes(max: number) {
      let total = 0;
      OUT: for (let i = 1; i <= max; ++i) {
        for (let j = 2; j < i; ++j) {
          if (i % j === 0) continue OUT;
        }
        total += i;
      }
      return total;
    }`;
    const getWords = "function getWords(n) { switch (n) { case 1: return 'one'; case 2: return 'a couple'; default: return 'lots'; } }";
    expect(complexity('a.ts', sumOfPrimes)).toEqual({ sumOfPrimes: 7 });
    expect(complexity('a.js', getWords)).toEqual({ getWords: 1 });
  });

  it('counts else, else if, catch, conditions and sequences of operators', () => {
    expect(complexity('a.ts', 'function f(a, b) { if (a) { b(); } else if (b) { a(); } else { f(); } }')).toEqual({ f: 3 });
    expect(complexity('a.ts', 'const g = (a, b, c) => a && b && c;')).toEqual({ g: 1 });
    expect(complexity('a.ts', 'const g = (a, b, c) => a && b || c;')).toEqual({ g: 2 });
    expect(complexity('a.ts', 'function h() { try { x(); } catch { if (y) z(); } }')).toEqual({ h: 3 });
    expect(complexity('a.ts', 'function k(a) { return a ? 1 : a ? 2 : 3; }')).toEqual({ k: 3 });
  });

  it('counts a function inside another by itself, and names methods by their class', () => {
    const text =
      'class A { #p(x) { if (x) { return [1].map((y) => (y ? 1 : 2)); } } }\nfunction f() { if (1) {} }\nfunction f() { if (1) {} }';
    expect(complexity('a.js', text.replace('function f() { if (1) {} }\nfunction f', 'function e() { if (1) {} }\nfunction f'))).toEqual({
      'function given to map': 1,
      e: 1,
      f: 1,
    });
  });

  it('[D23] takes guards at the top of a function as free, and no others', () => {
    const guards = 'if (a) return 1; if (b) { throw c; }';
    expect(complexity('a.ts', `function f(a, b, c) { ${guards} while (c) { c(); } }`)).toEqual({ f: 1 });
    expect(complexity('a.ts', `function f(a, b, c) { while (c) { ${guards} } }`)).toEqual({ f: 5 });
    expect(complexity('a.ts', 'function f(a) { if (a) { a(); return 1; } if (a) a(); }')).toEqual({ f: 2 });
    expect(complexity('a.ts', 'function f(a) { if (a) return 1; else a(); }')).toEqual({ f: 2 });
    const python = (body: string) => complexity('a.py', `def f(a):\n${body}    while a: pass\n`)['f'];
    expect(python('    if a: return 1\n    if a:\n        raise b\n')).toBe(1);
    expect(python('    if a:\n        a()\n        return 1\n')).toBe(2);
    expect(python('    if a:\n        return 1\n    else:\n        a()\n')).toBe(3);
    expect(python('    for b in a:\n        if b: return 1\n')).toBe(4);
  });

  it('of Python counts branches, loops, except, else, comprehensions of conditions and operators', () => {
    const text = `
class A:
    def f(self, a, b):
        if a and b or not a:
            pass
        elif a:
            pass
        else:
            for i in a:
                while b:
                    if i: return 1
        try:
            pass
        except ValueError:
            pass
        return 1 if a else 2
`;
    // if 1, two sequences 2, elif 1, else 1, for 2, while 3, if 4, except 1, condition 1.
    expect(complexity('a.py', text)).toEqual({ 'A.f': 16 });
  });
});

describe('sources', () => {
  it('count lines of code, without comments and docstrings', () => {
    expect(analysed('a.ts', '// one\n\nconst a = 1; // two\n/* three\nfour */\nconst b = "// not";\n').lines).toBe(2);
    expect(analysed('a.py', '"""doc\nstring"""\n# one\nx = 1\n').lines).toBe(1);
    expect(analysed('a.go', '// one\npackage a\n/* two */\nvar b = "/* not */"\n').lines).toBe(2);
  });

  it('[D12] compare the lines of declarations, and count none of them', () => {
    const counted = (path: string, text: string): number[] =>
      analysed(path, text)
        .packedLines.split(';')
        .flatMap((packed) => {
          const [, line = '', tokens] = packed.split(',');
          return tokens === '0' ? [] : [Number.parseInt(line, 36)];
        });
    const script = `import { a } from 'a';
function f(a: string): void;
function f(
  a: string,
  b = 1,
): void {
  a;
}
interface I {
  (of: string): void;
  get(name: string): string;
}
const g = (a: string) => a;
class A {
  a: string;
  b = 1;
}
`;
    expect(counted('a.ts', script)).toEqual([3, 6, 7, 8, 13, 14, 16, 17]);
    const python = `import a
from b import (
    c,
)
T = t.TypeVar("T", bound=str)
@t.overload
def f(a: int) -> int: ...
def f(
    a,
    b=1,
):
    return a
class A:
    a: int
    b: int = a
`;
    expect(counted('a.py', python)).toEqual([8, 12, 13, 15]);
  });

  it('[D12] count no lines of data, and none of a block that a program writes', () => {
    const counted = (text: string, path = 'a.py'): number =>
      analysed(path, text)
        .packedLines.split(';')
        .filter((packed) => !packed.endsWith(',0')).length;
    const data = 'const x = {\n  a: "text",\n  "b": [\n    1.5, true,\n    `c` +\n      "d",\n  ],\n  e: f,\n  g: "h" + i,\n};\n';
    // The first and last line, what names a variable, and the bracket alone.
    expect(counted(data, 'a.ts')).toBe(5);
    const block =
      '# START PROXY\n# statically generated** by tools/proxy.py\ndef f():\n    if a: return 1\n# END PROXY\ndef g():\n    if a: b()\n';
    expect(counted(block)).toBe(2);
    expect(analysed('a.py', block).functions.map(({ name }) => name)).toEqual(['g']);
    expect(counted('# ids are generated by the server\ndef f(): pass\n')).toBe(1);
  });

  it('[D30] know how deep a function is nested, and whether a comment says that it is so for speed', () => {
    const text =
      'function f(a) {\n  if (a) { while (a) { if (a) { a(); } } }\n  // Inlined for the hot path.\n}\n\n\n\nfunction g(a) { if (a) a(); }\n';
    const source = analysed('a.ts', text);
    expect(source.functions.map(({ name, nested, depth }) => [name, nested, depth])).toEqual([
      ['f', 3, 3],
      ['g', 0, 1],
    ]);
    expect(source.functions.map(({ line, lastLine }) => isForSpeed(source, line, lastLine))).toEqual([true, false]);
    const compiled = analysed('a.py', 'import cython\ndef f(a):\n    if a: b()\n');
    expect(isForSpeed(compiled, 2, 3)).toBe(true);
  });

  it('[D36] know which imports are needed while a file loads', () => {
    const atLoad = (path: string, text: string): string[] =>
      analysed(path, text).imports.flatMap(({ from, isAtLoad }) => (isAtLoad ? [from] : []));
    const head = "import { A } from './a';\nimport { b } from './b';\nimport * as c from './c';\n";
    expect(atLoad('x.ts', `${head}class X extends A { y = b; static z = c.one; }\n`)).toEqual(['./a', './c']);
    expect(atLoad('x.ts', `${head}const f = (): A => b(c);\nlet t: A;\nexport { b };\nconst o = { b: 1, A() {} };\no.c();\n`)).toEqual([]);
    expect(atLoad('x.ts', `${head}const o = { A, [b]: 1 };\n`)).toEqual(['./a', './b']);
    expect(atLoad('x.py', 'from .a import b\nimport c\ndef f():\n    from .d import e\n')).toEqual(['.a']);
  });

  it('[D21] find what switches type checkers off for a value', () => {
    const holes = (text: string, path = 'a.ts') => analysed(path, text).typeHoles;
    expect(holes('let a: any;\nlet b = a as any;\nlet c = <any>a;\nlet d = a as unknown;\n')).toEqual({ any: 1, 'as any': 2 });
    expect(holes('class A { x: any; f(a: any, ...b: any[]): any {} }\n')).toEqual({ any: 4 });
    expect(holes('// @ts-ignore\nf();\n// @ts-expect-error: the library has it wrong\nf();\n')).toEqual({ '@ts-ignore': 1 });
    expect(holes('// @ts-expect-error\nf();\n/* @ts-nocheck */\n')).toEqual({ '@ts-expect-error': 1, '@ts-nocheck': 1 });
    const typeLevel = [
      'type H<R extends Handler<any> = any> = R;',
      'type F<T> = T extends (...of: any[]) => infer R ? R : any;',
      'let m: Map<string, any>;',
      'function g<T extends (a: any) => any>(f: T): T { return f; }',
    ];
    for (const text of typeLevel) expect(holes(text), text).toEqual({});
    expect(holes('function g<T = any>(a: any): T { return (a as any).b; }')).toEqual({ any: 1, 'as any': 1 });
  });

  it('[D21] count `# type: ignore` of Python only without a code', () => {
    const text = 'x = 1  # type: ignore[x]\ny = 2  # type:ignore\nz = 3  # type: ignore  # wrong\n';
    expect(analysed('a.py', text).typeHoles).toEqual({ 'type: ignore': 2 });
    expect(analysed('a.py', 'x = 1  # type: ignore[a, b]\n').typeHoles).toEqual({});
  });

  it('find announced work in comments only', () => {
    expect(analysed('a.ts', "const s = 'TODO: no';\n// TODO(ada): yes\n/*\n * FIXME later\n */\n").todos).toEqual([
      { line: 2, text: 'TODO ada): yes' },
      { line: 4, text: 'FIXME later' },
    ]);
    expect(analysed('a.py', 'x = 1\n# XXX odd\n').todos).toEqual([{ line: 2, text: 'XXX odd' }]);
  });

  it.each([
    'Code generated by protoc. DO NOT EDIT.',
    '@generated SignedSource<<0123>>',
    'Generated from danish.sbl by Snowball 3.0.1 - https://snowballstem.org/',
    'Generated from Expr.g4 by ANTLR 4.13.1',
    'Generated from protos/answer.proto',
    'Autogenerated by Thrift Compiler (0.19.0)',
    '<auto-generated>',
    'This file was generated automatically',
    'Generated automatically from Makefile.in',
    'it is machine generated',
    'GENERATED CODE - DO NOT MODIFY BY HAND',
    'A Bison parser, made by GNU Bison 3.8.2.',
    'The following code was generated by JFlex 1.9',
    'This is a generated file. Not intended for manual editing.',
    'This file is generated from a similarly-named script',
  ])('[D103] know generated files by their header: %s', (header) => {
    expect(analysed('a.py', `# ${header}\n\nx = f()\n`).isGenerated).toBe(true);
    expect(analysed('a.ts', `/*\n * ${header}\n */\nf();\n`).isGenerated).toBe(true);
    expect(analysed('a.ts', `f();\n${'g();\n'.repeat(200)}// ${header}\n`).isGenerated).toBe(false);
  });

  it.each([
    ['Reads stemmers.', 'Their tables were generated from a list by hand.'],
    ['Names of files,', 'generated from words.txt by the caller.'],
    ['Generated from now on, without a reason.'],
    ['Orders, whose ids are generated automatically.'],
    ['Finds machine-generated texts.'],
    ['Do not modify the list of generated code while it is read.'],
  ])('[D103] are read where people only mention what is generated: %s', (...rows) => {
    expect(analysed('a.ts', `${rows.map((row) => `// ${row}\n`).join('')}f();\n`).isGenerated).toBe(false);
  });

  it('are not read where they do not parse', () => {
    const parsed = (path: string, text: string) => analyseSource(path, text, must(languageOf(path), 'it is source code'));
    expect(parsed('a.ts', 'const = ;')).toBeUndefined();
    expect(parsed('a.py', 'print "two"\nexec "x" in y\n'.repeat(30))).toBeUndefined();
  });

  const mebibyteOf = (piece: string): string => piece.repeat(2 ** 20 / piece.length);

  it('[D101] are read in time, whatever their lines hold', () => {
    const digits = '1234567890'.repeat(8);
    expect(analysed('a.py', `a = '''\n${digits}\\\n'''\n`).lines).toBe(3);
    expect(analysed('a.py', `x = 1\n${mebibyteOf('\n')}`).lines).toBe(1);
    expect(analysed('a.py', `${'x = 1\n'.repeat(4_000)}from ${'\\\n'.repeat(20_000)}x y\n`).imports).toHaveLength(1);
    expect(analysed('a.go', mebibyteOf('/*\n')).lines).toBe(0);
    expect(analysed('a.go', mebibyteOf('// generated by\n')).lines).toBe(0);
    expect(analysed('a.go', `${mebibyteOf('// generated by\n')}x()\n// END\n`).lines).toBe(1);
    expect(analysed('a.js', mebibyteOf('/*+*/"')).isGenerated).toBe(true);
  });

  it('[D101] have the languages of their extensions, and no others', () => {
    expect(['a.ts', 'a.PY', 'a.constructor', 'a.__proto__', 'a'].map((path) => languageOf(path)?.name)).toEqual([
      'TypeScript',
      'Python',
      ...Array<undefined>(3),
    ]);
  });

  it('[D101] do not parse where they are nested deeper than a parser can be', () => {
    const nested = (path: string, open: string, close: string, depth: number) =>
      analyseSource(path, `x = ${open.repeat(depth)}1${close.repeat(depth)}\n`, must(languageOf(path), 'it is source code'));
    expect(nested('a.js', '(\n', ')\n', 400)?.lines).toBe(800);
    expect(nested('a.js', '(\n', ')\n', 100_000)).toBeUndefined();
    expect(nested('a.ts', 'f(function () { if (a) {\n', '}})\n', 10_000)).toBeUndefined();
    expect(nested('a.py', '(\n', ')\n', 200_000)).toBeUndefined();
    // What nothing closes is as deep: a chain of operators.
    expect(nested('a.js', '1 +\n', '', 20_000)).toBeUndefined();
  });

  it('[D22] tell what is beside the product by its path', () => {
    const tests = ['test/a.ts', 'src/a.test.ts', 'pkg/test_a.py', 'pkg/a_test.go', 'src/__tests__/x.js', 'tests/unit/x.py'];
    tests.push(
      'examples/a.py',
      'mods/v4/__testfixtures__/in.tsx',
      'src/__mocks__/fs.ts',
      'packages/a/example/b.ts',
      'docs/conf.py',
      'benchmarks/routers/a.ts',
      'perf-measures/a.ts',
      'benches/main.rs',
      'profiling/mix_big.py',
      'playground/ssr/a.js',
      'packages/create-x/template-lit-ts/src/a.ts',
      'create-x/templates/lit/a.ts',
      'tutorial/b.py',
    );
    expect(tests.filter((path) => !isBeside(path))).toEqual([]);
    expect(
      [
        'src/latest.ts',
        'src/contest/a.ts',
        'src/testament.py',
        'attest/x.go',
        'src/docs.ts',
        'src/templates/page.py',
        'packages/create-x/src/template.ts',
        'src/example_of.py',
        'src/performance/a.ts',
      ].filter(isBeside),
    ).toEqual([]);
  });
});

describe('the import graph', () => {
  const graph = (files: Record<string, string>) => {
    const read = Object.entries(files).map(([path, text]) => ({
      ...analysed(path, text),
      path,
      blob: '',
      language: must(languageOf(path), 'it is source code').name,
      isBeside: false,
      area: 'product' as const,
    }));
    return new ImportGraph(read).edges.map(({ from, to, isRun }) => `${from} > ${to}${isRun ? '' : ' (not run)'}`);
  };

  it('of TypeScript follows relative imports, extensions and indexes; of types it says so', () => {
    const files = {
      'src/a.ts':
        "import { b } from './b.js';\nimport type { C } from './c';\nexport * from '../lib';\nimport 'hono';\nconst d = () => import('./b.ts');\n",
      'src/b.ts': 'export const b = 1;\n',
      'src/c.tsx': 'export type C = 1;\n',
      'lib/index.ts': 'export {};\n',
    };
    expect(graph(files)).toEqual([
      'src/a.ts > src/b.ts',
      'src/a.ts > src/c.tsx (not run)',
      'src/a.ts > lib/index.ts',
      'src/a.ts > src/b.ts (not run)',
    ]);
  });

  it('[D24] of Python runs an import of the own package only where that defines the name', () => {
    const files = {
      'pkg/__init__.py': '__version__ = "1"\nfrom . import a\nfrom .a import thing as alias\nmade = 1\ndef f():\n    inner = 2\n',
      'pkg/a.py': 'from . import alias\n',
      'pkg/b.py': 'from . import made\n',
      'pkg/c.py': 'from pkg import inner, f\n',
      'pkg/d.py': 'from . import *\n',
      'pkg/e.py': 'from . import __version__\n',
      'other.py': 'from pkg import alias\n',
    };
    expect(graph(files).filter((edge) => edge.includes('> pkg/__init__'))).toEqual([
      'pkg/a.py > pkg/__init__.py (not run)',
      'pkg/b.py > pkg/__init__.py',
      'pkg/c.py > pkg/__init__.py',
      'pkg/d.py > pkg/__init__.py',
      'pkg/e.py > pkg/__init__.py (not run)',
      'other.py > pkg/__init__.py',
    ]);
  });

  it('[D24] of Python runs no import below all functions and classes, as of what fills a registry', () => {
    const files = {
      'registry.py': 'import top\ndef register(f):\n    return f\nhandlers = {}\nimport ints\n',
      'ints.py': 'from registry import register\n@register\ndef add():\n    pass\n',
      'top.py': 'import registry\n',
      'held.py': 'class Held:\n    import top\nimport ints\n',
    };
    expect(graph(files)).toEqual([
      'registry.py > top.py',
      'registry.py > ints.py (not run)',
      'ints.py > registry.py',
      'top.py > registry.py',
      'held.py > top.py',
      'held.py > ints.py (not run)',
    ]);
  });

  it('of Python follows packages, relative imports and submodules', () => {
    const files = {
      'src/pkg/__init__.py': '',
      'src/pkg/a.py': 'import pkg.b\nfrom . import c\nfrom .sub.d import thing\nfrom pkg import missing\nimport os\n',
      'src/pkg/b.py': 'from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pkg import a\ndef f():\n    from . import c\n',
      'src/pkg/c.py': '',
      'src/pkg/sub/__init__.py': '',
      'src/pkg/sub/d.py': 'from ..b import (\n    f as g,  # one\n)\n',
    };
    expect(graph(files)).toEqual([
      'src/pkg/a.py > src/pkg/b.py',
      'src/pkg/a.py > src/pkg/c.py',
      'src/pkg/a.py > src/pkg/sub/d.py',
      'src/pkg/a.py > src/pkg/__init__.py (not run)',
      'src/pkg/b.py > src/pkg/a.py (not run)',
      'src/pkg/b.py > src/pkg/c.py (not run)',
      'src/pkg/sub/d.py > src/pkg/b.py',
    ]);
  });
});
