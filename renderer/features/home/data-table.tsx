/**
 * A table whose rows open a detail panel. One tab stop: the arrow keys move between rows, Enter opens.
 * Columns of low importance leave first when there is little width.
 */
import { ArrowDown, ArrowUp } from 'lucide-react'
import { type KeyboardEvent, type ReactNode, useRef } from 'react'
import { t } from '../../i18n/index.js'
import styles from './data-table.module.css'

export type Column<Row> = {
  key: string
  label: string
  render: (row: Row) => ReactNode
  isNumber?: boolean
  /** Absent: this column cannot be sorted by. */
  canSort?: boolean
  /** CSS width; what is left goes to those without one. */
  width?: number
  /** 1 stays always, 3 leaves first. */
  importance?: 1 | 2 | 3
}

export type Sorting = { key: string; isBackwards: boolean }

type DataTableProps<Row> = {
  label: string
  columns: readonly Column<Row>[]
  rows: readonly Row[]
  keyOf: (row: Row) => string
  /** Key of the row whose details are open. */
  selected?: string | undefined
  onOpen: (row: Row) => void
  sorting?: Sorting
  onSort?: (sorting: Sorting) => void
}

export function DataTable<Row>(props: DataTableProps<Row>) {
  const { label, columns, rows, keyOf, selected, onOpen } = props
  const body = useRef<HTMLTableSectionElement>(null)
  const onKeyDown = (event: KeyboardEvent) => {
    const buttons = [...body.current!.querySelectorAll<HTMLButtonElement>(`.${styles.open}`)]
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement)
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key]
    if (at < 0 || to === undefined || !buttons[to]) return
    event.preventDefault()
    buttons[to].focus()
  }
  const stop = rows.some((row) => keyOf(row) === selected) ? selected : rows[0] && keyOf(rows[0])
  return (
    <div className={styles.frame}>
      <table className={styles.table} aria-label={label}>
        <colgroup>
          {columns.map(({ key, width, importance = 1 }) => (
            <col key={key} data-importance={importance} {...(width === undefined ? {} : { style: { width } })} />
          ))}
        </colgroup>
        <thead>
          <tr>
            {columns.map((column) => (
              <HeadCell key={column.key} column={column} {...props} />
            ))}
          </tr>
        </thead>
        <tbody ref={body} onKeyDown={onKeyDown}>
          {rows.map((row) => {
            const key = keyOf(row)
            const cells = columns.slice(1)
            return (
              <tr key={key} className={styles.row} data-selected={key === selected || undefined}>
                <th scope="row">
                  <button
                    type="button"
                    className={styles.open}
                    tabIndex={key === stop ? 0 : -1}
                    aria-current={key === selected || undefined}
                    onClick={() => onOpen(row)}
                  >
                    {columns[0]!.render(row)}
                  </button>
                </th>
                {cells.map(({ key: column, render, isNumber, importance = 1 }) => (
                  <td key={column} data-importance={importance} className={isNumber ? styles.number : undefined}>
                    {render(row)}
                  </td>
                ))}
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}

function HeadCell<Row>({ column, sorting, onSort }: { column: Column<Row> } & DataTableProps<Row>) {
  const { key, label, isNumber, canSort, importance = 1 } = column
  const isSorted = sorting?.key === key
  const shared = {
    scope: 'col',
    'data-importance': importance,
    className: isNumber ? styles.number : undefined,
  } as const
  if (!canSort || !onSort) return <th {...shared}>{label}</th>
  const Arrow = sorting?.isBackwards ? ArrowDown : ArrowUp
  return (
    <th {...shared} aria-sort={isSorted ? (sorting.isBackwards ? 'descending' : 'ascending') : 'none'}>
      <button
        type="button"
        className={styles.sort}
        title={t('home.sortBy', { column: label })}
        onClick={() => onSort({ key, isBackwards: isSorted && !sorting.isBackwards })}
      >
        {label}
        {isSorted && <Arrow size={12} aria-hidden />}
      </button>
    </th>
  )
}

/** Compares by what the column sorts by; numbers as numbers, words as the language orders them. */
export function sortRows<Row>(
  rows: readonly Row[],
  readers: Readonly<Record<string, (row: Row) => string | number>>,
  { key, isBackwards }: Sorting,
): Row[] {
  const read = readers[key]
  if (!read) return [...rows]
  const sign = isBackwards ? -1 : 1
  return [...rows].sort((a, b) => {
    const [one, other] = [read(a), read(b)]
    if (typeof one === 'number' && typeof other === 'number') return sign * (one - other)
    return sign * String(one).localeCompare(String(other))
  })
}
