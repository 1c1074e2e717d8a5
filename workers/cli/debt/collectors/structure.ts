import type { DebtPolicy } from '../../../../src/contract/debt/debt-policy.ts';
import { isWithin } from '../../../../src/debt/components.ts';
import { cyclesOf, wayAround } from '../../../../src/debt/evidence/import-cycles.ts';
import { ImportGraph } from '../repository/import-graph.ts';
import type { ImportEdge } from '../repository/import-graph.ts';
import type { Collector } from './collection.ts';
import { FactWriter, sourceOf, treeOf } from './collection.ts';

/** Cycles of imports, and imports that layers do not allow. Unknown where no file could be parsed. */
export const structure: Collector = (collection) => {
  const writer = new FactWriter(collection);
  const files = collection.sources.files.filter(({ language }) => /Script$|^Python$/.test(language));
  if (files.length === 0) return [];
  const byPath = new Map(files.map((file) => [file.path, file]));
  const { edges } = new ImportGraph(files);
  const running = new Map<string, Set<string>>(files.filter(({ isBeside }) => !isBeside).map(({ path }) => [path, new Set()]));
  for (const { from, to, isRun } of edges) if (isRun) running.get(from)?.add(to);
  for (const cycle of cyclesOf(running)) {
    const source = byPath.get(cycle[0] ?? '');
    if (source === undefined) continue;
    const through = wayAround(cycle, running).join(' ').slice(0, 1_000);
    const members = new Set(cycle);
    const atLoad = edges.filter(({ from, to, isAtLoad }) => isAtLoad && members.has(from) && members.has(to)).length;
    writer.write('import-cycle', source.path, cycle.length, sourceOf(source), { detail: { through, at_load: atLoad } });
  }
  for (const { from, to, layer, other } of breaksOf(edges, collection.policy)) {
    const source = byPath.get(from);
    if (source !== undefined) writer.write('layer-break', from, 1, sourceOf(source), { symbol: to, detail: { layer, other } });
  }
  writer.census('structure', files.length, treeOf(collection), { imports: edges.length, layers: collection.policy.layers.length });
  return writer.facts;
};

interface LayerBreak extends ImportEdge {
  readonly layer: string;
  readonly other: string;
}

/** Imports of a layer that is not listed, and between siblings of one. A file in no layer may import and be imported. */
function breaksOf(edges: readonly ImportEdge[], { layers }: DebtPolicy): LayerBreak[] {
  const placeOf = (path: string) => {
    const places = layers.flatMap((layer) => layer.paths.filter((one) => isWithin(path, one)).map((folder) => ({ layer, folder })));
    return places.sort((a, b) => b.folder.length - a.folder.length)[0];
  };
  const seen = new Set<string>();
  return edges.flatMap((edge) => {
    const [here, there] = [placeOf(edge.from), placeOf(edge.to)];
    const key = `${edge.from} ${edge.to}`;
    if (here === undefined || there === undefined || seen.has(key)) return [];
    seen.add(key);
    const isAllowed =
      here.layer === there.layer ? !here.layer.siblings || here.folder === there.folder : here.layer.may_import.includes(there.layer.name);
    return isAllowed ? [] : [{ ...edge, layer: here.layer.name, other: there.layer.name }];
  });
}
