const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] };
const admission = 'admissionregistration.k8s.io/v1';
/** Refuses configmaps that have no label `team`. */
export const labelPolicy = {
  apiVersion: admission,
  kind: 'ValidatingAdmissionPolicy',
  metadata: { name: 'labelled' },
  spec: {
    matchConstraints: { resourceRules: [rule] },
    validations: [{ expression: "has(object.metadata.labels) && 'team' in object.metadata.labels" }],
  },
};

export const labelPolicyBinding = {
  apiVersion: admission,
  kind: 'ValidatingAdmissionPolicyBinding',
  metadata: { name: 'labelled' },
  spec: { policyName: 'labelled', validationActions: ['Deny'] },
};

/** Refuses every configmap, as nobody answers for it. */
export const lostWebhook = {
  apiVersion: admission,
  kind: 'ValidatingWebhookConfiguration',
  metadata: { name: 'lost' },
  webhooks: [
    {
      name: 'lost.example.com',
      // Nothing listens at port 1.
      clientConfig: { url: 'https://127.0.0.1:1/' },
      failurePolicy: 'Fail',
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      rules: [rule],
    },
  ],
};
