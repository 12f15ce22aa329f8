// cdk-nag's rules over a CloudFormation template: a line of JSON for each finding.
import { App, Stack } from 'aws-cdk-lib';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { AwsSolutionsChecks, NIST80053R5Checks, ServerlessChecks } from 'cdk-nag';

const [, , templateFile, outdir] = process.argv;
const app = new App({ outdir });
const stack = new Stack(app, 'ledger');
new CfnInclude(stack, 'template', { templateFile });
for (const Checks of [AwsSolutionsChecks, NIST80053R5Checks, ServerlessChecks]) {
  for (const { ruleName, description, violatingResources } of new Checks(app).validateScope(stack).violations) {
    for (const { constructPath } of violatingResources) {
      console.log(JSON.stringify({ rule: ruleName, resource: constructPath.split('/').at(-1), says: description }));
    }
  }
}
