# Images of the server. A tag says where an image came from and never moves; what runs is named by digest.

resource "aws_ecr_repository" "api" {
  name                 = local.repository
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.force_destroy

  image_scanning_configuration {
    scan_on_push = true
  }

  # the account's key for ECR
  encryption_configuration {
    encryption_type = "KMS"
  }
}

resource "aws_ecr_lifecycle_policy" "api" {
  repository = aws_ecr_repository.api.name

  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "what no tag names any more"
        selection = {
          tagStatus   = "untagged"
          countType   = "sinceImagePushed"
          countUnit   = "days"
          countNumber = var.untagged_days
        }
        action = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "what is older than any rollback"
        selection = {
          tagStatus   = "any"
          countType   = "imageCountMoreThan"
          countNumber = var.images_kept
        }
        action = { type = "expire" }
      },
    ]
  })
}

# what people and workflows look up
resource "aws_ssm_parameter" "handover" {
  #checkov:skip=CKV2_AWS_34:a name, no secret
  #checkov:skip=CKV_AWS_337:a name, no secret
  name           = "${local.path}/ecr/repository_url"
  type           = "String"
  insecure_value = aws_ecr_repository.api.repository_url
}
