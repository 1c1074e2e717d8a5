import { expect, it } from 'vitest';

import { readMachine } from '../../../workers/agent/agent-capacity.ts';
import { deviceEnvironment, devicesGiven, NO_DEVICES, shownDevices } from '../../../workers/agent/machine-devices.ts';

const ids = ['GPU-a', 'GPU-b', 'GPU-c', 'GPU-d'];
const shows = (product: string) => () =>
  shownDevices(() =>
    ids
      .map((id, index) => `${index}, ${id}, ${product}\n`)
      .toReversed()
      .join(''),
  );
const H100 = 'NVIDIA H100 80GB HBM3';
const SIZE = { SLUICE_AGENT_CPU_MILLI: '64000', SLUICE_AGENT_MEMORY_MIB: '65536' };

it.each([
  ['NVIDIA H100 80GB HBM3', 'h100'],
  ['NVIDIA H100 NVL', 'h100'],
  ['NVIDIA H200', 'h200'],
  ['NVIDIA GH200 480GB', 'gh200'],
  ['NVIDIA A100-SXM4-80GB', 'a100'],
  ['NVIDIA A100-PCIE-40GB', 'a100'],
  ['Tesla T4', 't4'],
  ['Tesla V100-SXM2-16GB', 'v100'],
  ['NVIDIA L40S', 'l40s'],
  ['NVIDIA A10G', 'a10g'],
  ['NVIDIA GeForce RTX 4090', 'rtx-4090'],
  ['NVIDIA RTX 6000 Ada Generation', 'rtx-6000-ada'],
])('[P119] %s is of the type %s', (product, accelerator) => {
  expect(shows(product)()[0]).toEqual({ id: 'GPU-a', accelerator });
});

it('[P119] an agent says which devices its system shows, and as many attempts as it has of them', () => {
  const { said, devices } = readMachine({}, 7, shows(H100));
  expect(said).toMatchObject({ capacity: { accelerator: 'h100', accelerators: 4 }, attempts: 4, devices: ids });
  expect(said.capacity!.cpu_milli % 1_000).toBe(0);
  expect(devices).toEqual({ accelerator: 'h100', ids });
});

it('[P119] what is declared is said with the ids of what is there, or is said to be declared', () => {
  const machine = (accelerator: string, product: string) =>
    readMachine({ ...SIZE, SLUICE_AGENT_ACCELERATOR: accelerator }, 7, shows(product)).said;
  expect(machine('h100:2', H100)).toMatchObject({ capacity: { accelerators: 2 }, devices: ['GPU-a', 'GPU-b'] });
  expect(machine('h100:2', 'Tesla T4').devices).toBeUndefined();
  expect(() => machine('h100:8', H100)).toThrow('SLUICE_AGENT_ACCELERATOR says 8 of h100; this machine has 4');
  const none = readMachine({ ...SIZE, SLUICE_AGENT_ACCELERATOR: 'h100:2' }, 7, () => shownDevices(() => expect.fail('no such program')));
  expect(none.said).toMatchObject({ capacity: { accelerator: 'h100', accelerators: 2 } });
  expect(none.said.devices).toBeUndefined();
});

it('[P119] an agent of a machine with several types asks which of them it is for', () => {
  const mixed = () => [...shows(H100)(), { id: 'GPU-e', accelerator: 't4' }];
  expect(() => readMachine({}, 7, mixed)).toThrow('h100, t4');
  expect(readMachine({ ...SIZE, SLUICE_AGENT_ACCELERATOR: 't4' }, 7, mixed).said.devices).toEqual(['GPU-e']);
});

it('[J281] a program is shown the devices of its attempt by the variable of their type, and no other', () => {
  const two = { devices: [1, 3] };
  expect(deviceEnvironment({ accelerator: 'h100', ids }, two)).toEqual({
    CUDA_VISIBLE_DEVICES: 'GPU-b,GPU-d',
    CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
    NVIDIA_VISIBLE_DEVICES: 'GPU-b,GPU-d',
    SLUICE_DEVICES: '1,3',
  });
  expect(deviceEnvironment({ accelerator: 'h100' }, two)['CUDA_VISIBLE_DEVICES']).toBe('1,3');
  expect(deviceEnvironment({ accelerator: 'mi300x' }, two)).toEqual({ ROCR_VISIBLE_DEVICES: '1,3', SLUICE_DEVICES: '1,3' });
  expect(deviceEnvironment({ accelerator: 'tpu-v5e' }, two)).toEqual({ TPU_VISIBLE_CHIPS: '1,3', SLUICE_DEVICES: '1,3' });
  expect(deviceEnvironment({ accelerator: 'own', variable: 'OWN_DEVICES' }, two)).toEqual({ OWN_DEVICES: '1,3', SLUICE_DEVICES: '1,3' });
  expect(deviceEnvironment({ accelerator: 'h100' }, { devices: [2], device_milli: 250 })).toMatchObject({
    SLUICE_DEVICES: '2',
    SLUICE_DEVICE_MILLI: '250',
  });
});

it('[J281] a program without devices finds none, and is told nothing where the machine has none', () => {
  expect(deviceEnvironment({ accelerator: 'h100', ids }, {})).toMatchObject({
    CUDA_VISIBLE_DEVICES: '-1',
    NVIDIA_VISIBLE_DEVICES: 'void',
    SLUICE_DEVICES: '',
  });
  expect(deviceEnvironment(NO_DEVICES, {})).toEqual({});
});

it('[J281] what a cluster has set for an attempt that it started reaches its program', () => {
  const devices = devicesGiven({ CUDA_VISIBLE_DEVICES: '5', ROCR_VISIBLE_DEVICES: '', SLURM_JOB_ID: '1' });
  expect(deviceEnvironment(devices, {})).toEqual({ CUDA_VISIBLE_DEVICES: '5', ROCR_VISIBLE_DEVICES: '' });
});
