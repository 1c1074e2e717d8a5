/** Whether an owner, by handle or address, is an author `Name <address>`. */
export function isAuthor(owner: string, author: string): boolean {
  const [, name = '', address = ''] = /^(.*?)\s*<([^>]*)>$/.exec(author.toLowerCase()) ?? [];
  const given = owner.toLowerCase().replace(/^@/, '');
  if (given.includes('@')) return given === address;
  const local = address.split('@')[0]?.replace(/^\d+\+/, '') ?? '';
  return given === local || given === name.replaceAll(/\s+/g, '');
}
