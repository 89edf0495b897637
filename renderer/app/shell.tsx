/** The window's frame: the rail with Chat, Home and the account; beside it the section that is open. */
import { House, Keyboard, LogOut, MessageSquare, Monitor, Moon, Settings, Sun } from 'lucide-react'
import { type ComponentType, lazy, type ReactNode, Suspense, useCallback, useEffect, useState } from 'react'
import { openTrustDialog, trustDialog, wouldLoseKeys } from '../encryption/trust-dialog.js'
import { Chat } from '../features/chat/chat.js'
import { t } from '../i18n/index.js'
import { useStore } from '../live/store.js'
import { platform } from '../platform/bridge.js'
import { localpartOf } from '../platform/matrix/login-session.js'
import { Avatar } from '../ui/avatar.js'
import { HearthMark } from '../ui/hearth-mark.js'
import { Menu, MenuItem, MenuLabel, MenuSeparator } from '../ui/menu.js'
import { Tip } from '../ui/tip.js'
import { ErrorBoundary } from './error-boundary.js'
import { type Dialogs, useGlobalKeys } from './global-keys.js'
import { useNotifications } from './notifications.js'
import { changePreferences, usePreferences } from './preferences.js'
import { navigate, type Route, roomPath, useRoute } from './route.js'
import { useServices } from './services.js'
import styles from './shell.module.css'
import { StatusLine } from './status-line.js'
import { useMyProfile } from './use-my-profile.js'

const Home = lazy(() => import('../features/home/index.js'))
const LinkPage = lazy(() => import('../features/chat/link-page.js'))
const SettingsPage = lazy(() => import('../features/settings/index.js'))
const JumpDialog = lazy(() => import('./jump-dialog.js'))
/** They may come by themselves, when the server is away: the window goes on without them. */
const TrustDialogs = lazy(() => import('../features/encryption/index.js').catch(() => ({ default: () => null })))
const KeyMap = lazy(() => import('./key-map.js'))

export function Shell() {
  const route = useRoute()
  const [dialog, setDialog] = useState<Dialogs>()
  useGlobalKeys(setDialog)
  useBadge()
  useNotifications()
  useCloseRoomOutsideChat(route)
  const hasTrustDialog = useHasTrustDialog()
  const showKeys = useCallback(() => setDialog('keys'), [])
  const isDeep = route.parts.length > 0 && route.section === 'chat'
  return (
    <div className={`${styles.shell} ${isDeep ? styles.isDeep : ''}`}>
      <button type="button" className={styles.skip} onClick={focusMain}>
        {t('shell.skip')}
      </button>
      <nav className={styles.rail} aria-label={t('shell.navigation')}>
        <span className={styles.mark}>
          <HearthMark size={26} />
        </span>
        <ChatLink isHere={route.section === 'chat'} />
        <RailLink
          label={t('shell.home')}
          isHere={route.section === 'home'}
          onOpen={() => navigate('/home')}
          icon={House}
        />
        <span className={styles.spacer} />
        <ProfileMenu onKeys={showKeys} />
        <StatusLine />
      </nav>
      <main className={styles.main} id="main" tabIndex={-1}>
        <ErrorBoundary resetKey={[route.section, ...route.parts].join('/')}>
          <Suspense fallback={null}>
            {route.section === 'chat' && <Chat roomId={route.parts[0]} eventId={route.parts[1]} />}
            {route.section === 'link' && <LinkPage route={route} />}
            {route.section === 'home' && <Home parts={route.parts} />}
            {route.section === 'settings' && <SettingsPage parts={route.parts} />}
          </Suspense>
        </ErrorBoundary>
      </main>
      <Suspense fallback={null}>
        {dialog === 'jump' && <JumpDialog onClose={() => setDialog(undefined)} onKeys={showKeys} />}
        {dialog === 'keys' && <KeyMap onClose={() => setDialog(undefined)} />}
        {hasTrustDialog && <TrustDialogs />}
      </Suspense>
    </div>
  )
}

/** Something about trust was asked for here, or is asked by another device. */
function useHasTrustDialog(): boolean {
  const isOpen = useStore(trustDialog, (dialog) => dialog !== undefined)
  const isAsked = useStore(useServices().encryption.verifications, (flows) =>
    flows.some(({ phase }) => phase === 'asked'),
  )
  return isOpen || isAsked
}

/** A button, not a link: the fragment of the URL is the route. */
const focusMain = () => document.getElementById('main')?.focus()

type RailLinkProps = {
  label: string
  isHere: boolean
  onOpen: () => void
  icon: ComponentType<{ size?: number }>
  children?: ReactNode
}

function RailLink({ label, isHere, onOpen, icon: Icon, children }: RailLinkProps) {
  return (
    <Tip text={label} side="right">
      <button
        type="button"
        className={styles.link}
        aria-label={label}
        aria-current={isHere ? 'page' : undefined}
        onClick={onOpen}
      >
        <Icon size={20} />
        {children}
      </button>
    </Tip>
  )
}

function ChatLink({ isHere }: { isHere: boolean }) {
  const lastRoomId = useStore(useServices().lastRoom)
  const hasNews = useStore(useServices().live.summaries, ({ rooms }) =>
    [...(rooms?.values() ?? [])].some((room) => room.highlight_count > 0 || room.membership === 'invite'),
  )
  const open = () => navigate(!isHere && lastRoomId ? roomPath(lastRoomId) : '/')
  return (
    <RailLink label={t('shell.chat')} isHere={isHere} onOpen={open} icon={MessageSquare}>
      {hasNews && <i className={styles.linkDot} aria-hidden />}
    </RailLink>
  )
}

function ProfileMenu({ onKeys }: { onKeys: () => void }) {
  const { session, signOut, encryption } = useServices()
  const leave = () => {
    if (wouldLoseKeys(encryption.account.get())) openTrustDialog({ kind: 'signOut' })
    else void signOut()
  }
  const { theme } = usePreferences()
  const profile = useMyProfile()
  const name = profile.displayname ?? localpartOf(session.userId)
  const themes = [
    ['system', Monitor],
    ['light', Sun],
    ['dark', Moon],
  ] as const
  return (
    <Menu
      side="right"
      align="end"
      trigger={
        <button type="button" className={styles.profile} aria-label={t('shell.profile')}>
          <Avatar id={session.userId} name={name} mxc={profile.avatar_url} size={32} />
        </button>
      }
    >
      <MenuLabel>
        {name}
        <br />
        {session.userId}
      </MenuLabel>
      <MenuItem icon={<Settings size={16} aria-hidden />} onSelect={() => navigate('/settings')}>
        {t('profile.settings')}
      </MenuItem>
      <MenuItem icon={<Keyboard size={16} aria-hidden />} onSelect={onKeys}>
        {t('profile.keys')}
      </MenuItem>
      <MenuSeparator />
      <MenuLabel>{t('theme.label')}</MenuLabel>
      {themes.map(([choice, Icon]) => (
        <MenuItem
          key={choice}
          icon={<Icon size={16} aria-hidden />}
          isChecked={theme === choice}
          onSelect={() => changePreferences({ theme: choice })}
        >
          {t(`theme.${choice}`)}
        </MenuItem>
      ))}
      <MenuSeparator />
      <MenuItem icon={<LogOut size={16} aria-hidden />} onSelect={leave}>
        {t('profile.logOut')}
      </MenuItem>
    </Menu>
  )
}

/** The number on the app's icon: what calls for the user. */
function useBadge(): void {
  const count = useStore(useServices().live.summaries, ({ rooms }) =>
    [...(rooms?.values() ?? [])].reduce(
      (sum, room) => sum + (room.membership === 'invite' ? 1 : room.highlight_count),
      0,
    ),
  )
  useEffect(() => {
    void platform.setBadge(count)
    document.title = count > 0 ? `(${count}) Hearth` : 'Hearth'
  }, [count])
}

/** Pages without a room give its live queries back: a channel has eight. */
function useCloseRoomOutsideChat({ section }: Route): void {
  const { live } = useServices()
  useEffect(() => {
    if (section !== 'chat') live.openRoom(undefined)
  }, [section, live])
}
