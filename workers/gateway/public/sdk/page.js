import { createEdge } from './edge.js';

const element = (id) => document.getElementById(id);
const MODELS = { static: 'glove-sif-100', webgpu: 'glove-sif-100-onnx', wasm: 'glove-sif-100-onnx' };
/** Edges that are loaded, by device and key. */
const edges = new Map();

element('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  element('run').disabled = true;
  element('fault').textContent = '';
  try {
    await run();
  } catch (error) {
    element('fault').textContent = `${error.code ?? error.name}: ${error.message}`;
  } finally {
    element('run').disabled = false;
  }
});

async function run() {
  const device = element('device').value;
  const apiKey = element('key').value.trim() || undefined;
  const texts = element('texts').value.split('\n').filter((line) => line.trim() !== '');
  const name = `${device} ${apiKey}`;
  const beganMs = performance.now();
  if (!edges.has(name)) edges.set(name, await createEdge({ model: MODELS[device], device, apiKey, onProgress }));
  const edge = edges.get(name);
  const loadMs = performance.now() - beganMs;
  element('stage').textContent = `Ready: ${edge.manifest.id}, contract ${edge.contractHash.slice(0, 12)}…`;
  element('progress').value = 1;
  const here = await edge.embed(texts);
  const timings = [
    ['Loaded in', ms(loadMs)],
    ['Computed by', `${here.device}, ${ms(here.ms)} for ${texts.length} texts`],
  ];
  if (apiKey !== undefined) {
    const there = await edge.embed(texts, { remote: true });
    timings.push(['The gateway', ms(there.ms)]);
    const least = Math.min(...texts.map((_, i) => cosine(here.vectors[i], there.vectors[i])));
    timings.push(['Least cosine of the two', least.toFixed(6)]);
  }
  element('timings').replaceChildren(...timings.flatMap(([term, value]) => [made('dt', term), made('dd', value)]));
  element('similarities').replaceChildren(...texts.map((text, i) => rowOf(text, here.vectors.map((other) => cosine(here.vectors[i], other)))));
}

function onProgress({ loadedBytes, totalBytes, isCached }) {
  const mb = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
  element('progress').value = loadedBytes / totalBytes;
  element('stage').textContent = isCached ? `Kept by the browser: ${mb(totalBytes)}` : `${mb(loadedBytes)} of ${mb(totalBytes)} loaded`;
}

const ms = (duration) => `${duration.toFixed(1)} ms`;

function made(name, text) {
  const node = document.createElement(name);
  node.textContent = text;
  return node;
}

function rowOf(text, cosines) {
  const row = document.createElement('tr');
  row.append(made('th', text), ...cosines.map((value) => made('td', value.toFixed(2))));
  return row;
}

const cosine = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
