/** Keeps the timeline whole where one line cannot be drawn: others write what they like into events. */
import { Component, type ReactNode } from 'react'
import { t } from '../../../i18n/index.js'
import styles from './timeline.module.css'

export class LineBoundary extends Component<{ children: ReactNode }, { hasFailed: boolean }> {
  override state = { hasFailed: false }

  static getDerivedStateFromError() {
    return { hasFailed: true }
  }

  override render(): ReactNode {
    return this.state.hasFailed ? <p className={styles.broken}>{t('timeline.broken')}</p> : this.props.children
  }
}
