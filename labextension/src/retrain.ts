/**
 * Running several pipelines one after the other, then loading another.
 */
import type { ChariotsModel } from './model';
import type { IAnswer } from './types';

/**
 * Submit the pipelines as jobs, each after the one before. A server that runs them at once
 * instead is followed step by step.
 */
export async function retrain(
  model: ChariotsModel,
  names: readonly string[],
  load: string | null
): Promise<void> {
  let last: string | null = null;
  for (const name of names) {
    const answer: IAnswer = await model.run(name, {
      input: model.inputs.get(name),
      asJob: true,
      after: last ? [last] : undefined
    });
    if (answer.job_id) {
      last = answer.job_id;
    } else {
      await model.save(name, answer.run_id);
    }
  }
  if (last && (load !== null)) {
    await ended(model, last);
  }
  if (load !== null) {
    await model.load(load);
  }
}

/** Wait until a job is done. Raises when it ends in another way. */
export function ended(model: ChariotsModel, id: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const job = model.state.jobs.find(one => one.id === id);
      if (job?.status === 'done') {
        end();
        resolve();
      } else if (job?.status === 'failed' || job?.status === 'cancelled') {
        end();
        reject(new Error(job.error?.message ?? `${job.pipeline}: ${job.status}`));
      }
    };
    const end = model.subscribe(look);
    look();
  });
}
