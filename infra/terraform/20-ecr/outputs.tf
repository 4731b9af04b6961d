output "repository_url" {
  description = "Where images are pushed, without tag or digest."
  value       = aws_ecr_repository.api.repository_url
}
