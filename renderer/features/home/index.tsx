/** Home: the machine. Its pages beside a list of them; each page is loaded when it is opened. */
import { Activity, Globe, HeartPulse, type LucideIcon, MonitorSmartphone, Rows3, UsersRound } from 'lucide-react'
import { lazy, Suspense } from 'react'
import { ErrorBoundary } from '../../app/error-boundary.js'
import { navigate } from '../../app/route.js'
import { type TextKey, t } from '../../i18n/index.js'
import styles from './home.module.css'
import { LoadingRows, PageHead } from './page.js'
import pageStyles from './page.module.css'
import { useAdmin } from './use-admin.js'
import { DashboardContext, useKeptDashboard } from './use-dashboard.js'

const LivePage = lazy(() => import('./live/live-page.js'))
const HealthPage = lazy(() => import('./health/health-page.js'))
const PeoplePage = lazy(() => import('./people/people-page.js'))
const RoomsPage = lazy(() => import('./rooms/rooms-page.js'))
const FederationPage = lazy(() => import('./federation/federation-page.js'))
const SessionsPage = lazy(() => import('./sessions/sessions-page.js'))

const pages = {
  live: ['home.live', Activity],
  health: ['home.health', HeartPulse],
  people: ['home.people', UsersRound],
  rooms: ['home.rooms', Rows3],
  federation: ['home.federation', Globe],
  sessions: ['home.sessions', MonitorSmartphone],
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
  const page = isPage(first) ? first : 'live'
  const dashboard = useKeptDashboard(useAdmin())
  return (
    <div className={styles.home}>
      <nav className={styles.nav} aria-label={t('home.nav')}>
        <ul>
          {(Object.entries(pages) as [PageName, [TextKey, LucideIcon]][]).map(([name, [label, Icon]]) => (
            <li key={name}>
              <button
                type="button"
                className={styles.link}
                aria-current={page === name ? 'page' : undefined}
                onClick={() => navigate(`/home/${name}`)}
              >
                <Icon size={18} aria-hidden />
                {t(label)}
              </button>
            </li>
          ))}
        </ul>
      </nav>
      <div className={styles.content} key={page}>
        <ErrorBoundary resetKey={page}>
          <Suspense fallback={null}>
            {page === 'sessions' && <SessionsPage />}
            {page === 'people' && <PeoplePage userId={second} />}
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
      </div>
    </div>
  )
}
