/** What a job is, as policies tell jobs apart. */
export type JobKind = 'training' | 'batch_inference' | 'online_inference' | 'index_build' | 'distillation' | 'command';
