/** One line of an organisation's audit trail: who did what to which resource. */
export interface AuditEntry {
  readonly atMs: number;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
}
