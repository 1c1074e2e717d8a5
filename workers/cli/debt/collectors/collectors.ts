import type { Collector } from './collection.ts';
import { coverage } from './coverage.ts';
import { deadCode } from './dead-code.ts';
import { mlTests, models, serviceLevels } from './models.ts';
import { ownership } from './ownership.ts';
import { dependencies, licences } from './packages.ts';
import { pins } from './pins.ts';
import { recipes } from './recipes.ts';
import { flags, settings } from './settings.ts';
import { duplication } from './duplication.ts';
import { fileWork } from './file-work.ts';
import { hotspots, types } from './source-collectors.ts';
import { structure } from './structure.ts';
import { testRuns } from './test-runs.ts';
import { todos } from './todos.ts';

/** All collectors, in the order in which they run. */
export const COLLECTORS: readonly Collector[] = [
  hotspots,
  fileWork,
  duplication,
  structure,
  types,
  ownership,
  todos,
  deadCode,
  coverage,
  testRuns,
  dependencies,
  pins,
  licences,
  settings,
  flags,
  recipes,
  models,
  mlTests,
  serviceLevels,
];
