/**
 * What each tab of a pipeline's view is given.
 */
import type { IPipeline, IPipelineView } from '../types';

export interface ITabProps {
  view: IPipeline;
  whole: IPipelineView;
}
