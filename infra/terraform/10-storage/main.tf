# The store of bundles: models/<name>/snapshots/… is written once, models/<name>/latest/… is replaced (docs/store.md).

resource "aws_s3_bucket" "models" {
  #checkov:skip=CKV_AWS_18:the server logs each prediction and the store's audit trail each release; CloudTrail's data events where more is asked
  #checkov:skip=CKV_AWS_144:bundles can be released again from the run they name; versions guard against mistakes
  #checkov:skip=CKV2_AWS_62:servers follow the pointer themselves, nobody needs to be told
  bucket        = local.bucket
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_versioning" "models" {
  bucket = aws_s3_bucket.models.id

  versioning_configuration {
    status = "Enabled"
  }
}

# the account's key for S3: it costs nothing, and needs no permission of its own
resource "aws_s3_bucket_server_side_encryption_configuration" "models" {
  bucket = aws_s3_bucket.models.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm = "aws:kms"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "models" {
  bucket = aws_s3_bucket.models.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "models" {
  bucket = aws_s3_bucket.models.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

# what is current never expires: a pointer may lead to any snapshot
resource "aws_s3_bucket_lifecycle_configuration" "models" {
  bucket = aws_s3_bucket_versioning.models.bucket

  rule {
    id     = "old-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.old_version_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

resource "aws_s3_bucket_policy" "models" {
  bucket = aws_s3_bucket_public_access_block.models.bucket
  policy = templatefile("${path.module}/policies/bucket.json", { bucket = local.bucket })
}

# what people and workflows look up
resource "aws_ssm_parameter" "handover" {
  #checkov:skip=CKV2_AWS_34:names, no secret
  #checkov:skip=CKV_AWS_337:names, no secret
  for_each = {
    bucket    = aws_s3_bucket.models.bucket
    store_url = "s3://${aws_s3_bucket.models.bucket}"
  }

  name           = "${local.path}/storage/${each.key}"
  type           = "String"
  insecure_value = each.value
}
