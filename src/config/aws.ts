/** Which AWS credentials a configuration gives, and for which region. */
import { signsRequests } from "./mlflow.ts";
import type { Settings } from "./settings.ts";

/** Where keys come from. */
export type AwsLogin =
  | {
    readonly kind: "keys";
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken: string | undefined;
    readonly region: string;
  }
  | {
    readonly kind: "web identity";
    readonly roleArn: string;
    readonly tokenFile: string;
    readonly sessionName: string;
    /** Who exchanges the token for keys. */
    readonly sts: URL;
    readonly region: string;
  };

/** Where S3 is, by paths that begin with the bucket; undefined where no bucket is named. */
export function findS3({ artifactStores, awsRegion, s3Endpoint }: Settings): URL | undefined {
  if (!artifactStores.some((store) => store.startsWith("s3://"))) return undefined;
  const china = awsRegion?.startsWith("cn-") === true ? ".cn" : "";
  const url = URL.parse(s3Endpoint ?? `https://s3.${awsRegion}.amazonaws.com${china}`);
  return url !== null && /^https?:$/.test(url.protocol) ? url : undefined;
}

/** Whether the configuration uses AWS credentials at all: that they are there is no reason. */
export function usesAws(settings: Settings): boolean {
  return signsRequests(settings) || settings.artifactStores.some((one) => one.startsWith("s3://"));
}

/** The credentials, or the sentence that says what is missing. */
export function findAwsLogin(settings: Settings): AwsLogin | string {
  const { awsRoleArn: roleArn, awsIdentityTokenFile: tokenFile } = settings;
  // Stores other than AWS's take any region.
  const region = settings.awsRegion ??
    (settings.s3Endpoint === undefined || signsRequests(settings) ? undefined : "us-east-1");
  if (region === undefined) {
    return "Signing requests for AWS takes a region: set AWS_REGION, such as eu-west-1.";
  }
  if (!/^[a-z0-9-]+$/.test(region)) {
    return "AWS_REGION is not the name of a region, such as eu-west-1.";
  }
  const { awsAccessKeyId: accessKeyId, awsSecretAccessKey: secretAccessKey } = settings;
  if (accessKeyId !== undefined && secretAccessKey !== undefined) {
    const { awsSessionToken: sessionToken } = settings;
    return { kind: "keys", accessKeyId, secretAccessKey, sessionToken, region };
  }
  if (accessKeyId !== undefined) return "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not.";
  if (secretAccessKey !== undefined) {
    return "AWS_SECRET_ACCESS_KEY is set, AWS_ACCESS_KEY_ID is not.";
  }
  if (roleArn !== undefined && tokenFile !== undefined) {
    const china = region.startsWith("cn-") ? ".cn" : "";
    const sts = URL.parse(
      settings.awsStsEndpoint ?? `https://sts.${region}.amazonaws.com${china}`,
    );
    if (sts === null || !/^https?:$/.test(sts.protocol)) {
      return "AWS_ENDPOINT_URL_STS is not an http or https address.";
    }
    const { awsSessionName: sessionName } = settings;
    return { kind: "web identity", roleArn, tokenFile, sessionName, sts, region };
  }
  return "There are no AWS credentials to sign requests with: set AWS_ACCESS_KEY_ID and " +
    "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE. " +
    "Those of an instance's or container's metadata service are never asked for: its address is " +
    "always denied.";
}
