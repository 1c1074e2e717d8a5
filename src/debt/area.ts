/** What a file is for. */
export const AREAS = ['product', 'tests', 'examples', 'docs', 'tooling'] as const;
export type Area = (typeof AREAS)[number];

/** What a `create-` package copies out for its users: each is to be read alone. */
const STARTER = /(^|\/)create-[^/]+\/(.*\/)?templates?(-[^/]+)?\//;
const BY_FOLDER: readonly (readonly [Area, RegExp])[] = [
  [
    'tests',
    /(^|\/)(([\w-]+-)?tests?|specs?|e2e|testing|fixtures|testdata|mocks|__\w*(?:tests?|mocks|fixtures)__|bench(es|marks?)?|perf-measures|profiling)\//i,
  ],
  // `docs_src`: what a guide shows, as code that runs.
  ['examples', /(^|\/)(examples?|samples?|demos?|tutorials?|playgrounds?|docs?[_-](src|examples?|snippets?))\//i],
  ['docs', /(^|\/)docs?\//i],
  ['tooling', /^(scripts|tools|tasks|release|\.[\w-]+)\//i],
];
const TEST_FILE = /(\.(test|spec|bench|test-d|e2e)\.\w+|(^|\/)(test_[^/]*|[^/]*_test|conftest)\.\w+)$/i;

/** What builds, packs or runs tasks for a project. */
const TOOLING_FILE = /(^|\/)(noxfile|fabfile|setup|gulpfile|gruntfile|jakefile)\.\w+$/i;

/** What a path says that a file is for: the product itself, or what is beside it, which is not judged as the product is. [D22] */
export function areaOf(path: string): Area {
  if (STARTER.test(path)) return 'examples';
  const [area] = BY_FOLDER.find(([, folders]) => folders.test(path)) ?? [];
  if (area !== undefined) return area;
  if (TEST_FILE.test(path)) return 'tests';
  return TOOLING_FILE.test(path) ? 'tooling' : 'product';
}

/** Whether a file is beside the product, and no part of it. */
export const isBeside = (path: string): boolean => areaOf(path) !== 'product';
