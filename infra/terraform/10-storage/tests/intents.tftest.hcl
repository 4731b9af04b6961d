mock_provider "aws" {}

variables {
  environment = "dev"
  account_id  = "111122223333"
  region      = "ap-northeast-1"
}

run "models_are_private_encrypted_and_versioned" {
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.models.block_public_acls,
      aws_s3_bucket_public_access_block.models.block_public_policy,
      aws_s3_bucket_public_access_block.models.ignore_public_acls,
      aws_s3_bucket_public_access_block.models.restrict_public_buckets,
    ])
    error_message = "the bucket can be made public"
  }
  assert {
    condition     = aws_s3_bucket_versioning.models.versioning_configuration[0].status == "Enabled"
    error_message = "an overwritten object is lost"
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.models.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"
    error_message = "objects are not encrypted by KMS"
  }
}

run "plain_http_is_denied" {
  assert {
    condition = anytrue([for statement in jsondecode(aws_s3_bucket_policy.models.policy).Statement :
      statement.Effect == "Deny" && statement.Condition.Bool["aws:SecureTransport"] == "false"
    ])
    error_message = "the bucket answers without TLS"
  }
}

run "what_is_current_never_expires" {
  assert {
    condition     = length(aws_s3_bucket_lifecycle_configuration.models.rule[0].expiration) == 0
    error_message = "a snapshot that a pointer names may vanish"
  }
}

run "models_survive_a_destroy" {
  assert {
    condition     = !aws_s3_bucket.models.force_destroy
    error_message = "destroy removes models unless it is told not to"
  }
}
