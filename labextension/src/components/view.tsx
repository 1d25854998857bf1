import type { ViewTab } from '../tokens';
export function PipelineView(_: { name: string; tab: ViewTab; onTab: (tab: ViewTab) => void }): JSX.Element { return null as never; }
