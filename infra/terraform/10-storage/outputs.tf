output "store_url" {
  description = "What TABI_STORE is set to."
  value       = "s3://${aws_s3_bucket.models.bucket}"
}
