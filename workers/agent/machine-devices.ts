import { execFileSync } from 'node:child_process';

/** The accelerators of a machine. Plain data. */
export interface MachineDevices {
  /** As jobs and prices call their type; null: there are none. */
  readonly accelerator: string | null;
  /** By index. Their ids, as the system shows them; absent: they were declared. */
  readonly ids?: readonly string[];
  /** The variable by which programs are told which they may use, where it is not that of the type. */
  readonly variable?: string;
  /** What the cluster that started the attempt has set for it: programs get that. */
  readonly given?: Readonly<Record<string, string>>;
}

export const NO_DEVICES: MachineDevices = { accelerator: null };

/** What a cluster, such as Slurm, has set in the environment of an attempt that it started. */
export function devicesGiven(environment: Readonly<Record<string, string | undefined>>): MachineDevices {
  const names = [...VARIABLES.map(([, name]) => name), CUDA, 'HIP_VISIBLE_DEVICES', 'GPU_DEVICE_ORDINAL', 'NVIDIA_VISIBLE_DEVICES'];
  const given = names.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]] as const]));
  return { ...NO_DEVICES, given: Object.fromEntries(given) };
}

/** A device as the system shows it. */
export interface ShownDevice {
  readonly id: string;
  readonly accelerator: string;
}

/** How long `nvidia-smi` may take: where the driver is not kept loaded, seconds. */
const SMI_MS = 30_000;

/** The devices that `nvidia-smi` shows, by index; none where there is no such program, or no driver. */
export function shownDevices(
  smi: () => string = () =>
    execFileSync('nvidia-smi', ['--query-gpu=index,uuid,name', '--format=csv,noheader'], {
      encoding: 'utf8',
      timeout: SMI_MS,
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
): readonly ShownDevice[] {
  let text: string;
  try {
    text = smi();
  } catch {
    return [];
  }
  return text
    .split('\n')
    .map((line) => line.split(',').map((field) => field.trim()))
    .flatMap(([index = '', id = '', name = '']) => (/^\d+$/.test(index) ? [{ index: Number(index), id, accelerator: typeOf(name) }] : []))
    .toSorted((a, b) => a.index - b.index)
    .map(({ id, accelerator }) => ({ id, accelerator }));
}

/** What does not tell types apart: whose it is, how it is built in, and how much memory it has. */
const NO_PART_OF_TYPE = /^(nvidia|tesla|geforce|quadro|graphics|generation|pcie|nvl|sxm\d*|hbm\d*e?|\d+gi?b)$/;

/** The type that a product's name says: `NVIDIA H100 80GB HBM3` is `h100`, `NVIDIA A100-SXM4-80GB` is `a100`. */
function typeOf(product: string): string {
  const words = product.toLowerCase().split(/[^a-z0-9.]+/);
  return words.filter((word) => word !== '' && !NO_PART_OF_TYPE.test(word)).join('-') || 'gpu';
}

/** By how the type of an accelerator begins, the variable by which its programs are told which devices to use. */
const VARIABLES: readonly (readonly [RegExp, string])[] = [
  [/^(mi\d|gfx|radeon|instinct)/, 'ROCR_VISIBLE_DEVICES'],
  [/^(tpu|v\d+[ep]?$)/, 'TPU_VISIBLE_CHIPS'],
  [/^(gaudi|hl-)/, 'HABANA_VISIBLE_MODULES'],
  [/^(xe-|max-|arc-|flex-|pvc)/, 'ZE_AFFINITY_MASK'],
];

const CUDA = 'CUDA_VISIBLE_DEVICES';

/** An index that no device has: a program finds none. */
const NONE = '-1';

/**
 * What tells the program of an attempt which devices it has, and hides the others: the variable of their type, and `SLUICE_DEVICES`, their indexes.
 * Ids take the place of indexes where they are known, because orders differ between programs. [J281]
 */
export function deviceEnvironment(
  { accelerator, ids, variable, given = {} }: MachineDevices,
  { devices = [], device_milli: milli }: { readonly devices?: readonly number[] | undefined; readonly device_milli?: number | undefined },
): Record<string, string> {
  if (accelerator === null) return { ...given };
  const name = variable ?? VARIABLES.find(([type]) => type.test(accelerator))?.[1] ?? CUDA;
  const visible = devices.length === 0 ? NONE : devices.map((index) => ids?.[index] ?? String(index)).join(',');
  return {
    [name]: visible,
    ...(name === CUDA ? { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', NVIDIA_VISIBLE_DEVICES: devices.length === 0 ? 'void' : visible } : {}),
    SLUICE_DEVICES: devices.join(','),
    ...(milli === undefined ? {} : { SLUICE_DEVICE_MILLI: String(milli) }),
  };
}
