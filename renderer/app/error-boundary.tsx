/** Catches what breaks while drawing, says so, and keeps the rest of the window alive. */
import { Component, type ReactNode } from 'react'
import { t } from '../i18n/index.js'
import { EmptyState } from '../ui/bits.js'
import { Button } from '../ui/button.js'

type Props = { children: ReactNode /** A change of it tries again. */; resetKey?: string }
type State = { error?: unknown; key?: string | undefined }

export class ErrorBoundary extends Component<Props, State> {
  override state: State = {}

  static getDerivedStateFromError(error: unknown): State {
    return { error }
  }

  static getDerivedStateFromProps(props: Props, state: State): State | null {
    return props.resetKey === state.key ? null : { error: undefined, key: props.resetKey }
  }

  override render(): ReactNode {
    if (this.state.error === undefined) return this.props.children
    return (
      <EmptyState
        fills
        title={t('error.crashed')}
        text={t('error.crashedText')}
        action={<Button onClick={() => location.reload()}>{t('common.reload')}</Button>}
      />
    )
  }
}
