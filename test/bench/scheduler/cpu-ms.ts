/** What this process has computed: on a busy machine the wall clock says more about others. */
export const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};
