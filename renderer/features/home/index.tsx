/**
 * Home: the machine. Its pages beside a list of them; each page is loaded when it is opened.
 *
 * Who does not run the server has one page here, what happens in their own rooms, and no list of the others.
 */
import { Activity, Globe, HeartPulse, type LucideIcon, RadioTower, Rows3, UsersRound } from 'lucide-react'
import { lazy, Suspense, useEffect } from 'react'
import { ErrorBoundary } from '../../app/error-boundary.js'
import { navigate } from '../../app/route.js'
import { useServerSays } from '../../app/server-info.js'
import { useServices } from '../../app/services.js'
import { type TextKey, t } from '../../i18n/index.js'
import { EmptyState } from '../../ui/bits.js'
import { Button } from '../../ui/button.js'
import { SubPages } from '../../ui/sub-pages.js'
import { LoadingRows, PageHead } from './page.js'
import pageStyles from './page.module.css'
import { DashboardContext, useKeptDashboard } from './use-dashboard.js'

const LivePage = lazy(() => import('./live/live-page.js'))
const HealthPage = lazy(() => import('./health/health-page.js'))
const PeoplePage = lazy(() => import('./people/people-page.js'))
const ReachPage = lazy(() => import('./reach/reach-page.js'))
const RoomsPage = lazy(() => import('./rooms/rooms-page.js'))
const FederationPage = lazy(() => import('./federation/federation-page.js'))

const pages = {
  live: ['home.live', Activity],
  health: ['home.health', HeartPulse],
  people: ['home.people', UsersRound],
  reach: ['home.reach', RadioTower],
  rooms: ['home.rooms', Rows3],
  federation: ['home.federation', Globe],
} as const satisfies Record<string, [TextKey, LucideIcon]>
type PageName = keyof typeof pages
const isPage = (name: string | undefined): name is PageName => name !== undefined && Object.hasOwn(pages, name)

/** Pages that read live rows: which ones depends on whether the user is an admin, so the server is asked first. */
const needsDashboard: ReadonlySet<PageName> = new Set(['live', 'health', 'federation'])

const Waiting = ({ title }: { title: string }) => (
  <div className={pageStyles.page}>
    <PageHead title={title} />
    <LoadingRows />
  </div>
)

export default function Home({ parts: [first, second] }: { parts: readonly string[] }) {
  const { info, error, askAgain } = useServerSays()
  const { connection } = useServices().live
  const dashboard = useKeptDashboard(info?.is_admin)
  const isMember = info?.is_admin === false
  const page = !isMember && isPage(first) ? first : 'live'
  useEffect(() => {
    if (first === 'sessions') navigate('/settings/security', 'replace') // where they were before
  }, [first])
  if (!info && error !== undefined)
    return (
      <EmptyState
        fills
        withMark
        title={t('home.offline')}
        text={t('home.offlineText')}
        action={
          <Button
            variant="primary"
            onClick={() => {
              connection.tryNow()
              askAgain()
            }}
          >
            {t('status.tryNow')}
          </Button>
        }
      />
    )
  return (
    <SubPages
      label={t('home.nav')}
      pages={isMember ? [] : listed()}
      current={page}
      onChoose={(name) => navigate(`/home/${name}`)}
    >
      <ErrorBoundary resetKey={page}>
        <Suspense fallback={null}>
          {page === 'people' && <PeoplePage userId={second} />}
          {page === 'reach' && <ReachPage />}
          {page === 'rooms' && <RoomsPage roomId={second} />}
          {!dashboard && needsDashboard.has(page) && <Waiting title={t(pages[page][0])} />}
          {dashboard && (
            <DashboardContext value={dashboard}>
              {page === 'live' && <LivePage />}
              {page === 'health' && <HealthPage />}
              {page === 'federation' && <FederationPage destination={second} />}
            </DashboardContext>
          )}
        </Suspense>
      </ErrorBoundary>
    </SubPages>
  )
}

/** The pages in words of now: the language may change. */
const listed = () =>
  (Object.entries(pages) as [PageName, [TextKey, LucideIcon]][]).map(([name, [label, Icon]]) => ({
    ...{ name, Icon },
    label: t(label),
  }))
