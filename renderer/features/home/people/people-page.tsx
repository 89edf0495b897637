/** People: the accounts of this server. */
import { UserPlus } from 'lucide-react'
import { useMemo, useState } from 'react'
import { navigate } from '../../../app/route.js'
import { useServices } from '../../../app/services.js'
import { useLoaded } from '../../../app/use-loaded.js'
import { formatBriefly } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import { Avatar } from '../../../ui/avatar.js'
import { Chip, EmptyState } from '../../../ui/bits.js'
import { Button } from '../../../ui/button.js'
import { SearchField } from '../../../ui/field.js'
import { type AdminUser, listInvitations, listUsers } from '../admin-api.js'
import { type Column, DataTable, type Sorting, sortRows } from '../data-table.js'
import { ListAndDetail } from '../list-and-detail.js'
import { AdminsOnly, LoadFailed, LoadingRows, PageHead } from '../page.js'
import tools from '../tools.module.css'
import { InviteDialog } from './invite-dialog.js'
import { NewAccountDialog } from './new-account-dialog.js'
import { NoticeDialog } from './notice-dialog.js'
import { PendingInvitations } from './pending-invitations.js'
import { PersonPanel } from './person-panel.js'
import { nameOf, roleOf, stateOf } from './person-text.js'

const pageSize = 200
const searchDelayMs = 200

export default function PeoplePage({ userId }: { userId: string | undefined }) {
  return (
    <AdminsOnly title={t('home.people')}>
      <People userId={userId} />
    </AdminsOnly>
  )
}

const columns: () => Column<AdminUser>[] = () => [
  { key: 'name', label: t('people.column.name'), canSort: true, render: (user) => <Identity user={user} /> },
  {
    key: 'id',
    label: t('people.column.id'),
    canSort: true,
    importance: 2,
    render: (user) => <code className={tools.id}>{user.name}</code>,
  },
  { key: 'role', label: t('people.column.role'), canSort: true, importance: 3, width: 150, render: roleOf },
  {
    key: 'created',
    label: t('people.column.created'),
    canSort: true,
    isNumber: true,
    importance: 3,
    width: 110,
    render: (user) => formatBriefly(user.creation_ts),
  },
]

const readers = {
  name: (user: AdminUser) => nameOf(user).toLocaleLowerCase(),
  id: (user: AdminUser) => user.name,
  role: (user: AdminUser) => roleOf(user),
  created: (user: AdminUser) => user.creation_ts,
}

function Identity({ user }: { user: AdminUser }) {
  const state = stateOf(user)
  return (
    <span className={tools.identity}>
      <Avatar id={user.name} name={nameOf(user)} mxc={user.avatar_url ?? undefined} size={28} />
      <bdi className={`${tools.name} ${user.deactivated ? tools.faint : ''}`}>{nameOf(user)}</bdi>
      {state && (
        <span className={tools.tag} data-tone={user.deactivated ? undefined : 'warn'}>
          {state}
        </span>
      )}
    </span>
  )
}

function People({ userId }: { userId: string | undefined }) {
  const { http } = useServices().matrix
  const [term, setTerm] = useState('')
  const [withDeactivated, setWithDeactivated] = useState(false)
  const [limit, setLimit] = useState(pageSize)
  const [sorting, setSorting] = useState<Sorting>({ key: 'name', isBackwards: false })
  const [dialog, setDialog] = useState<'invite' | 'account' | 'notice'>()
  const invitations = useLoaded(() => listInvitations(http), '')
  const users = useLoaded(
    () => listUsers(http, { term, withDeactivated, from: 0, limit }),
    `${term} ${withDeactivated} ${limit}`,
    searchDelayMs,
  )
  const page = users.value
  const rows = useMemo(() => sortRows(page?.items ?? [], readers, sorting), [page, sorting])
  const chosen = page?.items.find((user) => user.name === userId)

  const close = () => navigate('/home/people', 'replace')
  const put = (changed: AdminUser) =>
    users.change(({ items, total }) => ({
      total,
      items: items.map((user) => (user.name === changed.name ? changed : user)),
    }))
  return (
    <ListAndDetail
      onClose={close}
      detail={
        userId === undefined
          ? undefined
          : {
              title: chosen ? nameOf(chosen) : userId,
              content: <PersonPanel key={userId} userId={userId} known={chosen} onChanged={put} />,
            }
      }
    >
      <PageHead
        title={t('home.people')}
        actions={
          <>
            <Button onClick={() => setDialog('account')}>{t('people.new')}</Button>
            <Button variant="primary" onClick={() => setDialog('invite')}>
              <UserPlus size={16} aria-hidden />
              {t('invite.person')}
            </Button>
          </>
        }
      />
      <PendingInvitations invitations={invitations} />
      <div className={tools.tools}>
        <SearchField label={t('people.search')} value={term} onChange={(event) => setTerm(event.target.value)} />
        <Chip isOn={withDeactivated} onToggle={() => setWithDeactivated(!withDeactivated)}>
          {t('people.showDeactivated')}
        </Chip>
        <Button variant="quiet" onClick={() => setDialog('notice')}>
          {t('notice.titleAll')}
        </Button>
        {page && <span className={tools.count}>{t('home.total', { count: page.total })}</span>}
      </div>
      {users.error !== undefined && <LoadFailed error={users.error} onRetry={users.reload} />}
      {!page && users.error === undefined && <LoadingRows />}
      {page && rows.length === 0 && (
        <EmptyState
          title={t(term ? 'people.noMatch' : 'people.empty')}
          text={t(term ? 'people.noMatchText' : 'people.emptyText')}
        />
      )}
      {rows.length > 0 && (
        <DataTable
          label={t('home.people')}
          columns={columns()}
          rows={rows}
          keyOf={(user) => user.name}
          selected={userId}
          onOpen={(user) => navigate(`/home/people/${encodeURIComponent(user.name)}`)}
          sorting={sorting}
          onSort={setSorting}
        />
      )}
      {page && page.items.length < page.total && (
        <div className={tools.more}>
          <Button onClick={() => setLimit(limit + pageSize)} disabled={users.isLoading}>
            {t('home.showMore')}
          </Button>
        </div>
      )}
      {dialog === 'invite' && <InviteDialog onClose={() => setDialog(undefined)} onCreated={invitations.reload} />}
      {dialog === 'notice' && <NoticeDialog onClose={() => setDialog(undefined)} />}
      {dialog === 'account' && (
        <NewAccountDialog
          onClose={() => setDialog(undefined)}
          onCreated={(created) => {
            setDialog(undefined)
            users.reload()
            navigate(`/home/people/${encodeURIComponent(created.name)}`)
          }}
        />
      )}
    </ListAndDetail>
  )
}
