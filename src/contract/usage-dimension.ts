/** What usage can be broken down by. The meter always is: quantities of different meters do not add up. */
export const DIMENSIONS = ['hour', 'day', 'tenant', 'project', 'key', 'model', 'route', 'accelerator'] as const;

export type Dimension = (typeof DIMENSIONS)[number];
