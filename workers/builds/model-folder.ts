import { existsSync, readFileSync } from 'node:fs';
import { copyFile, glob, mkdir, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';

import type { ModelReading } from '../../src/inference/served-manifest.ts';
import type { OnnxGraph } from '../../src/inference/build/graph/onnx-graph.ts';
import { sha256Hex } from '../../src/kernel/bytes.ts';
import { BuildFailure, UnusableInput } from './build-error.ts';
import { encoderGraph } from './encoder-graph.ts';
import { readOnnxGraph, writeOnnxGraph } from './onnx-graph-file.ts';

/** A model as files: a folder in Hugging Face's layout, with a graph or with weights of BERT alone, or one ONNX file. */
export interface ModelFolder {
  readonly root: string;
  /** The graph's path in the folder; where the folder has weights alone, the path that a graph of them gets. */
  readonly graphPath: string;
  readonly graph: OnnxGraph;
  /** The files that `graph` was read from, external data included. */
  readonly inputs: readonly RecipeFile[];
  /** The other files of the folder, such as the tokeniser. */
  readonly others: readonly string[];
  /** How the model is used, where that is known otherwise than from its files. */
  readonly reading?: ModelReading;
}

interface RecipeFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** How a derived model came to be. */
export interface DerivedRecipe {
  readonly command: string;
  /** Version of the Node that wrote the outputs. */
  readonly node: string;
  readonly inputs: readonly RecipeFile[];
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly outputs: readonly RecipeFile[];
}

/** Where a folder's graph is, in the order in which it is looked for. */
const GRAPH_PATHS = ['onnx/model.onnx', 'model.onnx'];

/** Where the weights of a folder without a graph are, and where the graph that is made of them belongs. */
const WEIGHTS_PATH = 'model.safetensors';
const MADE_GRAPH_PATH = 'model.onnx';

/** Weights in other forms, which are those of the source and not of what is made of it. */
const OTHER_WEIGHTS = /\.(?:onnx|onnx_data|safetensors|bin|h5|msgpack|ot|pt|pth|ckpt|gguf|tflite|mlmodel)$/;

/** What describes a model's files and would be wrong of a derived one. */
const DESCRIPTIONS = new Set(['manifest.json', 'recipe.json', 'report.json', 'CARD.md', 'README.md', 'card.json']);

/** `graphIn`: the path of its graph in the folder, where that is known. */
export async function readModelFolder(path: string, graphIn?: string): Promise<ModelFolder> {
  const isFile = (await stat(path).catch(() => undefined))?.isFile();
  if (isFile === undefined) throw new UnusableInput(`${path} does not exist.`);
  const root = isFile ? dirname(path) : path;
  const found = isFile ? basename(path) : (graphIn ?? (await firstFile(root, [...GRAPH_PATHS, WEIGHTS_PATH])));
  if (found === undefined)
    throw new UnusableInput(`${path} holds none of ${[...GRAPH_PATHS, WEIGHTS_PATH].join(', ')}; name the ONNX file itself.`);
  const read = new Map<string, Uint8Array>();
  const contents = (relativePath: string): Uint8Array => {
    const known = read.get(relativePath) ?? readInside(root, relativePath);
    read.set(relativePath, known);
    return known;
  };
  const isMade = found.endsWith('.safetensors');
  const graphPath = isMade ? MADE_GRAPH_PATH : found;
  const graph = isMade
    ? encoderGraph(join(root, found), contents(found), contents('config.json'))
    : parse(join(root, found), () => readOnnxGraph(contents(found), (location) => contents(join(dirname(found), location))));
  const inputs = await Promise.all([...read].map(([name, bytes]) => recipeFile(name, bytes)));
  const others = isFile
    ? []
    : (await filesOf(root)).filter(
        (name) => (!read.has(name) || name === 'config.json') && !DESCRIPTIONS.has(name) && !OTHER_WEIGHTS.test(name),
      );
  return { root, graphPath, graph, inputs, others };
}

function parse(path: string, read: () => OnnxGraph): OnnxGraph {
  try {
    return read();
  } catch (error) {
    if (error instanceof BuildFailure) throw error;
    throw new BuildFailure(`${path} cannot be read as an ONNX file: ${error instanceof Error ? error.message : String(error)}.`);
  }
}

/** The path of a file that a graph names: never one outside its folder. */
function inside(root: string, path: string): string {
  const whole = resolve(root, path);
  if (!whole.startsWith(resolve(root) + sep)) throw new BuildFailure(`the graph names the file ${path}, which lies outside its folder.`);
  return whole;
}

function readInside(root: string, path: string): Buffer {
  const whole = inside(root, path);
  if (!existsSync(whole)) throw new UnusableInput(`${whole} does not exist.`);
  return readFileSync(whole);
}

async function firstFile(root: string, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if ((await stat(join(root, path)).catch(() => undefined))?.isFile() === true) return path;
  return undefined;
}

async function filesOf(root: string): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of glob('**/*', { cwd: root, withFileTypes: true }))
    if (entry.isFile()) files.push(relative(root, join(entry.parentPath, entry.name)));
  return files.sort();
}

const recipeFile = async (path: string, bytes: Uint8Array): Promise<RecipeFile> => ({
  path,
  bytes: bytes.length,
  sha256: await sha256Hex(new Uint8Array(bytes)),
});

/** What a build makes of a graph. */
export interface DerivedGraph<Report = unknown> {
  readonly graph: OnnxGraph;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** What was measured while it was made; `report.json`. */
  readonly report: Report;
}

export interface DerivedModel extends DerivedGraph {
  readonly from: ModelFolder;
  readonly command: string;
  /** Further files to write, by path: they replace those of the source. */
  readonly files?: ReadonlyMap<string, string>;
}

/** Writes a model folder: the new graph, the source's other files, the recipe and the report. Refuses a folder that has files already. */
export async function writeModelFolder(out: string, model: DerivedModel): Promise<DerivedRecipe> {
  await mkdir(out, { recursive: true });
  if ((await filesOf(out)).length > 0) throw new UnusableInput(`${out} is not empty.`);
  const file = writeOnnxGraph(model.graph);
  await put(out, model.from.graphPath, file);
  for (const name of model.from.others) {
    if (model.files?.has(name) === true) continue;
    await mkdir(dirname(join(out, name)), { recursive: true });
    await copyFile(join(model.from.root, name), join(out, name));
  }
  for (const [name, contents] of model.files ?? []) await put(out, name, contents);
  const recipe: DerivedRecipe = {
    command: model.command,
    node: process.version,
    inputs: model.from.inputs,
    parameters: model.parameters,
    outputs: [await recipeFile(model.from.graphPath, file)],
  };
  await put(out, 'recipe.json', jsonFile(recipe));
  await put(out, 'report.json', jsonFile(model.report));
  return recipe;
}

async function put(out: string, name: string, contents: Uint8Array | string): Promise<void> {
  await mkdir(dirname(join(out, name)), { recursive: true });
  await writeFile(join(out, name), contents);
}

const jsonFile = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
