import type { JobRecord } from '../machine/job-record.ts';

/** The resource class that an option competes for. */
export const resourceClass = ({ spec }: JobRecord, option: number): string => spec.options[option]?.accelerator ?? 'cpu';
