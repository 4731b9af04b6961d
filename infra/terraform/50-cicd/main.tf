# No key of AWS lies in GitHub. Each workflow gets a role by GitHub's token, for its own work on its own resources; ci.yml gets none.

locals {
  provider_arn = "arn:aws:iam::${var.account_id}:oidc-provider/token.actions.githubusercontent.com"
  repo         = "repo:${var.github_repository}"

  workflows = {
    release-ecr = {
      description = "Push images of tagged commits."
      subject     = "${local.repo}:ref:refs/tags/v*"
    }
    push-s3 = {
      description = "Release bundles of the main branch into the store."
      subject     = "${local.repo}:ref:refs/heads/main"
    }
    deploy = {
      description = "Bring a new revision into the service, once the environment's reviewers have agreed."
      subject     = "${local.repo}:environment:${var.environment}"
    }
  }
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.create_provider ? 1 : 0

  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

module "role" {
  source   = "../modules/github-role"
  for_each = local.workflows

  name         = "${local.name}-github-${each.key}"
  description  = each.value.description
  provider_arn = local.provider_arn
  subject      = each.value.subject

  policy = templatefile("${path.module}/policies/${each.key}.json", {
    account        = var.account_id
    region         = var.region
    bucket         = local.bucket
    repository     = local.repository
    cluster        = local.cluster
    service        = local.service
    role_execution = local.role_execution
    role_task      = local.role_task
    parameters     = "${local.path}/service"
  })

  depends_on = [aws_iam_openid_connect_provider.github]
}

output "roles" {
  description = "Role of each workflow."
  value       = { for name, role in module.role : name => role.arn }
}
