import t from 'tap';
import { createPlaces, type Place } from '../../src/webhooks/places.ts';
import { until } from '../support/until.ts';

const project = 'team';
let slowOnes = 0;
const onSlow = () => {
  slowOnes += 1;
};

/** A receiver that has taken something, or has failed. */
function known(places: ReturnType<typeof createPlaces>, webhookId: string, hasTaken: boolean): void {
  const place = places.take({ project, webhookId });
  place?.begin();
  place?.end(hasTaken);
  place?.leave();
}

/** Takes all that there are for a receiver. */
function takeAll(places: ReturnType<typeof createPlaces>, webhookId: string): Place[] {
  const taken: Place[] = [];
  for (let place = places.take({ project, webhookId }); place; place = places.take({ project, webhookId })) {
    place.begin();
    taken.push(place);
  }
  return taken;
}

t.test('receivers that take long, one that failed and one that is quick have places beside each other', async (t) => {
  const places = createPlaces({ onSlow });
  for (const id of ['slow-1', 'slow-2', 'quick']) known(places, id, true);
  known(places, 'failed', false);
  const slow = [...takeAll(places, 'slow-1'), ...takeAll(places, 'slow-2')];
  t.equal(slow.length, 8);
  t.equal(places.take({ project, webhookId: 'quick' }), null, 'so many may be quick');
  await until(() => slowOnes === 8);
  t.equal(takeAll(places, 'quick').length, 4, 'those that are slow make room');
  t.equal(takeAll(places, 'failed').length, 1, 'and have taken none of those of who is not well');
  t.equal(takeAll(places, 'slow-1').length, 0, 'a receiver that takes long gets no more for now');
  for (const place of slow) {
    place.end(true);
    place.leave();
  }
  t.equal(takeAll(places, 'slow-1').length, 4, 'once it has taken something, as many as before');
});

t.test('what comes after a try makes no receiver a slow one', async (t) => {
  let isSlow = false;
  const places = createPlaces({
    onSlow: () => {
      isSlow = true;
    },
  });
  const place = places.take({ project, webhookId: 'one' });
  place?.begin();
  place?.end(true);
  // As a store that takes longer to note it than a quick try may take.
  await new Promise((resolve) => setTimeout(resolve, 1200));
  place?.leave();
  t.notOk(isSlow);
  t.equal(takeAll(places, 'one').length, 4);
});
