/** CPU milliseconds of this process: on a busy machine, wall time mostly measures other processes. */
export const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};
