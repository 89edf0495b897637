/**
 * Changes of rows by a migration, piece by piece: no transaction is large, and a start that is cut off goes on at the
 * mark, which moves in the transaction of its piece.
 */
import { type Rpc, recordId } from './rpc.js'
import { checkSize, sizeOfWrites } from './write-size.js'
import { upsertRow, type Write } from './writes.js'

/** How far a migration has come: whatever finds the next row, e.g. the ID of the last one. */
export type PieceMark = string | number

/**
 * @param mark of the last piece that is durable; undefined before the first
 * @returns what the next piece writes and the mark after it; undefined when nothing is left
 */
export type MigratePiece = (
  rpc: Pick<Rpc, 'query'>,
  mark: PieceMark | undefined,
) => Promise<{ writes: readonly Write[]; mark: PieceMark } | undefined>

/** @throws TransactionTooLargeError when a piece is not small */
export async function migratePieces(
  rpc: Rpc,
  number: number,
  piece: MigratePiece,
  run: (writes: readonly Write[]) => Promise<void>,
): Promise<void> {
  const row = recordId('schema_migration_mark', number)
  let [mark] = await rpc.query<[PieceMark | undefined]>('RETURN $row.mark', { row })
  for (;;) {
    const next = await piece(rpc, mark ?? undefined)
    if (!next) return
    const writes = [...next.writes, upsertRow('schema_migration_mark', { id: number, mark: next.mark })]
    checkSize(sizeOfWrites(writes))
    await run(writes)
    mark = next.mark
  }
}
