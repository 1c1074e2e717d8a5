import type { BuildRecipe } from '../contract/debt/build-recipe.ts';
import type { ProvenanceStatement } from '../contract/debt/provenance.ts';
import { PROVENANCE_TYPE, STATEMENT_TYPE } from '../contract/debt/provenance.ts';
import type { Reproducibility, Rerun } from './reproducibility.ts';

const BUILD_TYPE = 'urn:sluice:recipe:1';
/** The byproduct that holds what the rerun showed. */
const BYPRODUCT = 'reproducibility';

/** When, where and from what a recipe was run again. Times are ISO 8601. */
export interface RerunCircumstances {
  /** In its repository. */
  readonly recipePath: string;
  readonly recipeSha256: string;
  /** The commit whose files the command ran in. */
  readonly gitCommit: string;
  /** A URI of what ran the command, the same for every run on one machine. */
  readonly builder: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** What the command ran under: runtime, platform, and the settings that were changed on purpose. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What a rerun made and of what, for others to check, unsigned (D44): its subjects are the files that were made, not those expected. */
export function provenanceOf(
  recipe: BuildRecipe,
  rerun: Rerun,
  result: Reproducibility,
  circumstances: RerunCircumstances,
): ProvenanceStatement {
  const { recipePath, recipeSha256, gitCommit, builder, startedAt, finishedAt, environment } = circumstances;
  return {
    _type: STATEMENT_TYPE,
    subject: rerun.outputs.flatMap(({ name, made }) => (made === undefined ? [] : [{ name, digest: { sha256: made } }])),
    predicateType: PROVENANCE_TYPE,
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: { command: recipe.command, parameters: recipe.parameters ?? {} },
        internalParameters: environment,
        resolvedDependencies: [
          { uri: `file:${recipePath}`, digest: { sha256: recipeSha256, gitCommit } },
          ...rerun.inputs.flatMap(({ name, found }) => (found === undefined ? [] : [{ uri: name, digest: { sha256: found } }])),
        ],
      },
      runDetails: {
        builder: { id: builder },
        metadata: { startedOn: startedAt, finishedOn: finishedAt },
        byproducts: [{ name: BYPRODUCT, annotations: { ...result } }],
      },
    },
  };
}

/** The reproducibility index that a statement reports, if it is about exactly these outputs; undefined if it is about others or has none. */
export function indexIn(statement: ProvenanceStatement, outputs: BuildRecipe['outputs']): number | undefined {
  const made = new Map(statement.subject.map(({ name, digest }) => [name, digest.sha256]));
  if (!outputs.every(({ path, sha256 }) => made.get(path) === sha256)) return undefined;
  const index = statement.predicate.runDetails.byproducts.find(({ name }) => name === BYPRODUCT)?.annotations['index'];
  return typeof index === 'number' ? index : undefined;
}
