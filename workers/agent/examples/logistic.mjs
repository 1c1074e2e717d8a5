// Fits a logistic regression to data made from a seed, by gradient descent over all processes of a gang. The rows lie in 64 blocks, of which
// each process has its share; rank 0 adds up their gradients in the order of blocks, so the result is the same to the last bit however many
// processes there are, and however often the gang was interrupted or resized. Rank 0 saves after each step. Run it as a job of the kind `training`:
//
//   {"kind": "training", "argv": ["node", "logistic.mjs"], "inputs": [{"file": "file_…", "path": "logistic.mjs"}],
//    "outputs": ["model.json"], "checkpoint": "state.json", "resources": [{"nodes": 2}]}
//
// STEPS, ROWS and SEED may be set. HOLD_AT stops a gang that found nothing saved at that step for good: to show what happens when it is
// killed, preempted (docs/preemption-tour.md) or resized. At further steps, after commas, a gang that has gone on is stopped, each time once.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

const { MASTER_ADDR, MASTER_PORT, RANK, WORLD_SIZE, SLUICE_CHECKPOINT } = process.env;
const [rank, world] = [Number(RANK), Number(WORLD_SIZE)];
const [steps, rows, seed] = [Number(process.env.STEPS ?? 200), Number(process.env.ROWS ?? 2_000), Number(process.env.SEED ?? 1)];
const holds = (process.env.HOLD_AT ?? '').split(',').filter(Boolean).map(Number);
const BLOCKS = 64;
const DIMENSIONS = 8;
const RATE = 0.5;

/** Mulberry32: the same numbers for the same seed, everywhere. */
function randomFrom(start) {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The rows of a block. The label says on which side of a plane a row lies, now and then wrongly. */
const rowsOf = (block) =>
  Array.from({ length: rows }, (_, row) => row)
    .filter((row) => row % BLOCKS === block)
    .map((row) => {
      const random = randomFrom(seed * 1_000_003 + row);
      const values = Array.from({ length: DIMENSIONS }, () => random() * 2 - 1);
      const side = values.reduce((sum, value, axis) => sum + value * (axis + 1), 0) > 0;
      return { values, label: (random() < 0.05 ? !side : side) ? 1 : 0 };
    });

/** The blocks of this rank. */
const mine = Array.from({ length: BLOCKS }, (_, block) => block)
  .filter((block) => block % world === rank)
  .map((block) => ({ block, rows: rowsOf(block) }));

const gradientsOf = (weights) => mine.map(({ block, rows: data }) => ({ block, ...gradientOf(data, weights) }));

function gradientOf(data, weights) {
  const gradient = Array.from({ length: DIMENSIONS }, () => 0);
  let loss = 0;
  for (const { values, label } of data) {
    const odds = values.reduce((sum, value, axis) => sum + value * weights[axis], 0);
    const guess = 1 / (1 + Math.exp(-odds));
    loss -= Math.log(label === 1 ? guess : 1 - guess);
    for (let axis = 0; axis < DIMENSIONS; axis += 1) gradient[axis] += (guess - label) * values[axis];
  }
  return { gradient, loss };
}

const say = (socket, message) => socket.write(`${JSON.stringify(message)}\n`);

/** Writes a file in one step. */
function replace(path, value) {
  writeFileSync(`${path}.next`, JSON.stringify(value));
  renameSync(`${path}.next`, path);
}

function follow() {
  const socket = connect(Number(MASTER_PORT), MASTER_ADDR);
  // Rank 0 may not listen yet.
  socket.once('error', () => setTimeout(follow, 100));
  socket.once('connect', () => {
    say(socket, { rank });
    let isDone = false;
    createInterface({ input: socket }).on('line', (line) => {
      const { weights, done } = JSON.parse(line);
      if (done !== true) return say(socket, gradientsOf(weights));
      isDone = true;
      socket.end();
    });
    socket.once('close', () => process.exit(isDone ? 0 : 1));
  });
}

/** The messages of one follower, in order. */
function inbox(socket) {
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('a member of the gang is gone');
    return JSON.parse(value);
  };
}

/** The model is there: that followers leave is no fault any more. */
let isDone = false;

async function gather() {
  const followers = new Map();
  const server = createServer();
  const complete = new Promise((resolve) => {
    if (world === 1) resolve();
    server.on('connection', async (socket) => {
      socket.on('error', () => process.exit(1));
      // Without one of its members the gang cannot go on, whatever it does.
      socket.on('close', () => isDone || process.exit(1));
      const next = inbox(socket);
      const { rank: other } = await next();
      followers.set(other, { socket, next });
      if (followers.size === world - 1) resolve();
    });
  });
  server.listen(Number(MASTER_PORT));
  await complete;
  server.close();
  return Array.from({ length: world - 1 }, (_, at) => followers.get(at + 1));
}

async function lead() {
  const isResumed = existsSync(SLUICE_CHECKPOINT);
  const state = isResumed
    ? { held: [], ...JSON.parse(readFileSync(SLUICE_CHECKPOINT, 'utf8')) }
    : { step: 0, weights: Array.from({ length: DIMENSIONS }, () => 0), held: [] };
  console.log(`${world} processes, from step ${state.step}`);
  const followers = await gather();
  while (state.step < steps) {
    const mayHold = holds.includes(state.step) && !state.held.includes(state.step);
    if (mayHold && (!isResumed || state.step !== holds[0])) {
      state.held.push(state.step);
      replace(SLUICE_CHECKPOINT, state);
      console.log(`holding at step ${state.step}`);
      await new Promise((resolve) => setInterval(resolve, 2 ** 30));
    }
    for (const { socket } of followers) say(socket, { weights: state.weights });
    const parts = gradientsOf(state.weights);
    for (const { next } of followers) parts.push(...(await next()));
    parts.sort((a, b) => a.block - b.block);
    const loss = parts.reduce((sum, part) => sum + part.loss, 0) / rows;
    state.weights = state.weights.map(
      (weight, axis) => weight - (RATE * parts.reduce((sum, { gradient }) => sum + gradient[axis], 0)) / rows,
    );
    state.step += 1;
    replace(SLUICE_CHECKPOINT, state);
    if (state.step % 50 === 0) console.log(`step ${state.step}, loss ${loss.toFixed(6)}`);
  }
  replace('model.json', { weights: state.weights, steps });
  isDone = true;
  for (const { socket } of followers) say(socket, { done: true });
  console.log('done');
}

if (rank === 0)
  lead().then(
    () => process.exit(0),
    () => process.exit(1),
  );
else follow();
