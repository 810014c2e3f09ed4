// Order of a list: pure moves.

/** The list with the item at `from` placed at `to`; out of range changes nothing. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const next = [...list];
  if (from < 0 || from >= list.length || to < 0 || to >= list.length) return next;
  const taken = next.splice(from, 1);
  next.splice(to, 0, ...taken);
  return next;
}
